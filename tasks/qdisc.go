package tasks

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// Qdisc is how a link queues what it sends (tc qdisc).
type Qdisc struct {
	Dev       IfName       `arg:"dev,required" doc:"the link"`
	Type      string       `arg:"type" choices:"tbf,htb,netem" doc:"tbf limits the rate, htb parts it between classes, netem emulates a bad line; needed unless tc is given or state is absent"`
	TC        string       `arg:"tc" doc:"instead of type and what follows: the words of tc, as in tbf rate 10mbit burst 32kb latency 400ms"`
	Parent    string       `arg:"parent" default:"root" doc:"root, or the id of an htb class, 1:10"`
	Handle    string       `arg:"handle" doc:"handle, 1:; unset, 1: for htb, and one of the kernel's choice else"`
	Rate      string       `arg:"rate" doc:"tbf, netem: rate, 10mbit"`
	Burst     string       `arg:"burst" doc:"tbf: size of the bucket, 32kb"`
	Latency   string       `arg:"latency" doc:"tbf: how long a packet may wait, 400ms"`
	Limit     string       `arg:"limit" doc:"tbf: how much may wait, 64kb; netem: packets, 1000"`
	PeakRate  string       `arg:"peakrate" doc:"tbf: rate within a burst, with mtu"`
	MTU       string       `arg:"mtu" doc:"tbf: bucket of the peak rate, 1540b"`
	Delay     string       `arg:"delay" doc:"netem: 100ms, or with jitter and correlation 100ms 10ms 25%"`
	Loss      string       `arg:"loss" doc:"netem: 1%, or with correlation 1% 25%"`
	Duplicate string       `arg:"duplicate" doc:"netem: 1%"`
	Corrupt   string       `arg:"corrupt" doc:"netem: 0.1%"`
	Reorder   string       `arg:"reorder" doc:"netem: 25% 50%; needs delay"`
	Gap       int          `arg:"gap" doc:"netem: every how many packets to reorder"`
	Default   string       `arg:"default" doc:"htb: class, by the number behind the colon, for what nothing sends elsewhere"`
	Classes   []QdiscClass `arg:"classes" doc:"htb: its classes, all of them"`
	State     string       `arg:"state" default:"present" choices:"present,absent" doc:"absent gives the link back the kernel's own"`
	Netns     Netns        `arg:"netns" doc:"network namespace to work in, as ip netns lists it"`
	Container Container    `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

// QdiscClass is a class of htb.
type QdiscClass struct {
	ID     string `arg:"id,required" doc:"number of the class, in hexadecimal as tc has it: 10 is 1:10"`
	Parent string `arg:"parent" doc:"number of the class above; unset, the qdisc itself"`
	Rate   string `arg:"rate,required" doc:"rate that it always has, 10mbit"`
	Ceil   string `arg:"ceil" doc:"rate that it may borrow up to; unset, its rate"`
	Burst  string `arg:"burst" doc:"bucket of the rate"`
	CBurst string `arg:"cburst" doc:"bucket of ceil"`
	Prio   int    `arg:"prio" doc:"who is served first, 0 to 7"`
}

func init() {
	Register(Kind{Name: "qdisc", Short: "how a link queues what it sends (tc)", New: func() Task { return new(Qdisc) }})
}

func (q *Qdisc) place() place { return place{q.Netns, q.Container} }

// words are the arguments as tc takes them, the type first.
func (q *Qdisc) words() ([]string, error) {
	words := []string{q.Type}
	for _, a := range []struct{ name, value, types string }{
		{"rate", q.Rate, "tbf netem"}, {"burst", q.Burst, "tbf"}, {"latency", q.Latency, "tbf"}, {"limit", q.Limit, "tbf netem"},
		{"peakrate", q.PeakRate, "tbf"}, {"mtu", q.MTU, "tbf"}, {"delay", q.Delay, "netem"}, {"loss", q.Loss, "netem"},
		{"duplicate", q.Duplicate, "netem"}, {"corrupt", q.Corrupt, "netem"}, {"reorder", q.Reorder, "netem"},
		{"gap", nonZero(q.Gap), "netem"}, {"default", q.Default, "htb"}, {"classes", strings.Repeat("x", len(q.Classes)), "htb"}} {
		switch {
		case a.value == "":
			continue
		case q.TC != "" && !(a.name == "classes" && strings.HasPrefix(q.TC, "htb")):
			return nil, Wrong(a.name, "tc says it all: leave %s out", a.name)
		case q.TC == "" && !strings.Contains(a.types, q.Type):
			return nil, Wrong(a.name, "%s has no %s", q.Type, a.name)
		case a.name != "classes":
			words = append(append(words, a.name), strings.Fields(a.value)...)
		}
	}
	if q.TC != "" {
		return strings.Fields(q.TC), nil
	}
	return words, nil
}

func nonZero(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// Check implements Task.
func (q *Qdisc) Check() error {
	errs := []error{q.place().check(), q.checkPlace()}
	if q.State == absent {
		return errors.Join(errs...)
	}
	if (q.Type == "") == (q.TC == "") {
		return errors.Join(append(errs, Wrong("type", "which? give either type or tc"))...)
	}
	words, err := q.words()
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	if _, err := state.ParseQdisc(words); err != nil {
		arg := "type"
		if q.TC != "" {
			arg = "tc"
		}
		errs = append(errs, Wrong(arg, "%v", err))
	}
	_, err = q.classes()
	return errors.Join(append(errs, err)...)
}

func (q *Qdisc) checkPlace() error {
	if q.Parent != state.QdiscRoot {
		if _, err := state.ParseHandle(q.Parent); err != nil || strings.HasSuffix(q.Parent, ":") {
			return Wrong("parent", "%q is neither root nor the id of a class, 1:10", q.Parent)
		}
	}
	if q.Handle != "" {
		if _, err := state.ParseHandle(q.Handle); err != nil || !strings.HasSuffix(q.Handle, ":") {
			return Wrong("handle", "%q is not the handle of a qdisc: write 1:", q.Handle)
		}
	}
	return nil
}

// classes are htb's classes in lines, each after its parent.
func (q *Qdisc) classes() (string, error) {
	classes := map[string]state.HTBClass{}
	under := map[string][]string{}
	for i, c := range q.Classes {
		class, err := c.class(q.handle())
		if err != nil {
			return "", &ArgError{Path: []any{"classes", i}, Msg: err.Error()}
		}
		if classes[class.ID].ID != "" {
			return "", &ArgError{Path: []any{"classes", i, "id"}, Msg: fmt.Sprintf("class %s is there twice", c.ID)}
		}
		classes[class.ID] = class
		under[class.Parent] = append(under[class.Parent], class.ID)
	}
	var out []string
	for _, id := range inOrder(q.handle(), under) {
		out = append(out, classes[id].Settled(len(under[id]) > 0).String())
	}
	if len(out) != len(classes) {
		return "", Wrong("classes", "a class is under one that is not there")
	}
	return strings.Join(out, "; "), nil
}

// inOrder lists what is under root level by level, as the kernel's classes are listed.
func inOrder(root string, under map[string][]string) []string {
	var out []string
	for level := []string{root}; len(level) > 0; {
		var next []string
		for _, id := range level {
			children := under[id]
			sortHandles(children)
			next = append(next, children...)
		}
		out = append(out, next...)
		level = next
	}
	return out
}

// class is the class with its numbers as the kernel has them.
func (c QdiscClass) class(handle string) (state.HTBClass, error) {
	text := handle + c.ID + " parent " + handle + c.Parent + " rate " + c.Rate
	for _, a := range []struct{ name, value string }{{"ceil", c.Ceil}, {"burst", c.Burst}, {"cburst", c.CBurst}} {
		if a.value != "" {
			text += " " + a.name + " " + a.value
		}
	}
	class, err := state.ParseHTBClass(text)
	if err != nil {
		return class, err
	}
	number, err := state.ParseHandle(class.ID)
	if err != nil || number&0xffff == 0 {
		return class, fmt.Errorf("%q is not the number of a class: write 10", c.ID)
	}
	above, err := state.ParseHandle(class.Parent)
	if err != nil {
		return class, fmt.Errorf("%q is not the number of a class: write 1", c.Parent)
	}
	if c.Prio < 0 || c.Prio > 7 {
		return class, fmt.Errorf("prio %d is not from 0 to 7", c.Prio)
	}
	class.ID, class.Parent, class.Prio = state.HandleText(number), state.HandleText(above), uint32(c.Prio)
	return class, nil
}

// handle is the qdisc's own, which its classes are named by.
func (q *Qdisc) handle() string {
	htb := q.Type == "htb" || strings.HasPrefix(q.TC, "htb")
	if q.Handle == "" && htb {
		return "1:"
	}
	return q.Handle
}

// Want implements Wanter.
func (q *Qdisc) Want() []state.Want {
	object := state.Qdisc{Scope: q.place().scope(), Link: string(q.Dev), Parent: q.Parent}
	if n, err := state.ParseHandle(q.Parent); err == nil {
		object.Parent = state.HandleText(n)
	}
	if q.State == absent {
		return state.Absent(object)
	}
	words, err := q.words()
	if err != nil {
		return nil // Check refuses it
	}
	parsed, _ := state.ParseQdisc(words)
	object.Type, object.Options, object.Default = parsed.Type, parsed.Options, parsed.Default
	if n, err := state.ParseHandle(q.handle()); err == nil {
		object.Handle = state.HandleText(n)
	}
	object.Classes, _ = q.classes()
	return state.Present(object)
}

// sortHandles orders ids by their numbers.
func sortHandles(ids []string) {
	slices.SortFunc(ids, func(a, b string) int {
		x, _ := state.ParseHandle(a)
		y, _ := state.ParseHandle(b)
		return cmp.Compare(x, y)
	})
}
