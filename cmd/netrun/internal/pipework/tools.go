package pipework

import (
	"net/netip"
	"slices"
	"strings"
)

// reader walks over the words of ip or tc behind the guest's name.
type reader struct {
	args []string
	at   int
}

func (r *reader) more() bool { return r.at < len(r.args) }

func (r *reader) next() word {
	w := word{r.args[r.at], r.at}
	r.at++
	return w
}

// value is the word behind one that needs it.
func (r *reader) value(of word) (word, error) {
	if !r.more() {
		return word{}, wrong(of.at, "%s needs a value", of.text)
	}
	return r.next(), nil
}

// guestAnd begins a task with the guest's name, and finds out whether something is to be there.
func guestAnd(kind string, args []string, verbs map[string]bool) (*Task, *reader, error) {
	t := &Task{Kind: kind}
	r := &reader{args: args, at: 1}
	if !r.more() {
		return nil, nil, wrong(len(args), "%s of which guest? pipework %s <guest> ...", args[0], args[0])
	}
	guest := r.next()
	t.add(guest.at, "container", guest.text)
	for r.more() && (args[r.at] == "-4" || args[r.at] == "-6") {
		r.next()
	}
	if !r.more() {
		return nil, nil, wrong(len(args), "what is to be done with the %s? add or del", args[0])
	}
	verb := r.next()
	present, known := verbs[verb.text]
	if !known {
		return nil, nil, wrong(verb.at, "%s %s is not known here: add, replace and del are", args[0], verb.text)
	}
	if !present {
		t.add(verb.at, "state", "absent")
	}
	return t, r, nil
}

var ipVerbs = map[string]bool{"add": true, "replace": true, "change": true, "append": true, "del": false, "delete": false}

// route is pipework route GUEST add 10.0.5.0/24 via 192.168.2.1.
func route(args []string) (*Task, error) {
	t, r, err := guestAnd("route", args, ipVerbs)
	if err != nil {
		return nil, err
	}
	types := []string{"unicast", "blackhole", "unreachable", "prohibit"}
	known := []string{"via", "dev", "src", "metric", "table", "mtu"}
	destination := false
	for r.more() {
		w := r.next()
		switch {
		case slices.Contains(types, w.text):
			t.add(w.at, "type", w.text)
		case w.text == "onlink":
			t.add(w.at, "onlink", true)
		case slices.Contains(known, w.text), w.text == "to":
			v, err := r.value(w)
			if err != nil {
				return nil, err
			}
			if w.text != "to" {
				t.add(v.at, w.text, v.text)
				continue
			}
			w = v
			fallthrough
		case !destination:
			if err := checkNet(w); err != nil {
				return nil, err
			}
			t.add(w.at, "to", w.text)
			destination = true
		default:
			return nil, wrong(w.at, "%q of ip route is not known here: %s and onlink are", w.text, strings.Join(known, ", "))
		}
	}
	if !destination {
		return nil, wrong(len(args), "a route where? give a destination, or default")
	}
	return t, nil
}

// checkNet wants a subnet, which ip route wants too, though pipework's own example has none.
func checkNet(w word) error {
	if p, err := netip.ParsePrefix(w.text); err == nil && p != p.Masked() {
		return wrong(w.at, "%s is an address in a subnet. Maybe you meant %s?", w.text, p.Masked())
	}
	return nil
}

// usualPriority is the one that the kernel gives to the first rule without one.
const usualPriority = "32765"

// rule is pipework rule GUEST add from 172.19.0.2/32 table 1.
func rule(args []string) (*Task, error) {
	t, r, err := guestAnd("rule", args, ipVerbs)
	if err != nil {
		return nil, err
	}
	names := map[string]string{"from": "from", "to": "to", "iif": "iif", "dev": "iif", "oif": "oif", "fwmark": "fwmark", "table": "table",
		"lookup": "table", "priority": "priority", "pref": "priority", "order": "priority", "preference": "priority"}
	given := map[string]bool{}
	for r.more() {
		w := r.next()
		if slices.Contains([]string{"blackhole", "unreachable", "prohibit"}, w.text) {
			t.add(w.at, "action", w.text)
			continue
		}
		name := names[w.text]
		if name == "" {
			return nil, wrong(w.at, "%q of ip rule is not known here: from, to, iif, oif, fwmark, table and priority are", w.text)
		}
		v, err := r.value(w)
		if err != nil {
			return nil, err
		}
		given[name] = true
		if v.text != "all" {
			t.add(v.at, name, v.text)
		}
	}
	if !given["priority"] {
		t.add(-1, "priority", usualPriority)
	}
	return t, nil
}

// queue is pipework tc GUEST qdisc add dev eth0 root netem loss 30%.
func queue(args []string) (*Task, error) {
	if len(args) > 2 && args[2] != "qdisc" {
		return nil, wrong(2, "tc %s is not known here: tc qdisc is, and the task kind qdisc takes htb's classes", args[2])
	}
	rest := slices.Clone(args)
	if len(rest) > 2 {
		rest = slices.Delete(rest, 2, 3)
	}
	t, r, err := guestAnd("qdisc", rest, map[string]bool{"add": true, "replace": true, "change": true, "del": false, "delete": false})
	if err != nil && len(rest) == len(args) {
		return nil, err
	}
	if err != nil {
		return nil, shifted(err)
	}
	for i := range t.Args {
		if t.Args[i].At >= 2 {
			t.Args[i].At++
		}
	}
	for r.more() {
		w := r.next()
		switch w.text {
		case "dev", "handle", "parent":
			v, err := r.value(w)
			if err != nil {
				return nil, shifted(err)
			}
			t.add(v.at+1, w.text, v.text)
		case "root":
			t.add(w.at+1, "parent", "root")
		default:
			t.add(w.at+1, "tc", strings.Join(rest[w.at:], " "))
			return t, nil
		}
	}
	return t, nil
}

// shifted moves the place of a mistake behind the word qdisc, which was left out.
func shifted(err error) error {
	if e, ok := err.(*Error); ok && e.At >= 2 {
		return &Error{e.At + 1, e.Msg}
	}
	return err
}

// wait is pipework --wait [-i containerinterface], which ran in the container; here
// the guest may be named.
func wait(args []string) (*Task, error) {
	t := &Task{Kind: "wait_for"}
	link := word{"eth1", 0}
	for i := 1; i < len(args); i++ {
		switch {
		case args[i] == "-i" && i+1 < len(args):
			i++
			link = word{args[i], i}
		case args[i] == "-i":
			return nil, wrong(i, "-i needs a value")
		case len(t.Args) > 0 || strings.HasPrefix(args[i], "-"):
			return nil, wrong(i, "%q is a word too many: --wait [-i containerinterface] [guest]", args[i])
		default:
			t.add(i, "container", args[i])
		}
	}
	t.add(link.at, "interface", link.text)
	return t, nil
}
