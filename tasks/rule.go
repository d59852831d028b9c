package tasks

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"netrun/tasks/state"
)

// Rule is a rule of the routing policy database (ip rule).
type Rule struct {
	Priority  int       `arg:"priority,required" doc:"place in the order of the rules, 1 to 32765; the kernel's own are 0, 32766 and 32767"`
	From      Net       `arg:"from" doc:"source: a subnet or an address"`
	To        Net       `arg:"to" doc:"destination: a subnet or an address"`
	IIF       IfName    `arg:"iif" doc:"link through which the packet came; lo is this host itself"`
	OIF       IfName    `arg:"oif" doc:"link to which the sending socket is bound"`
	FwMark    Mark      `arg:"fwmark" doc:"firewall mark, 0x1 or 0x1/0xff"`
	Table     TableID   `arg:"table" doc:"routing table that is looked up: a number, main, default or local"`
	Action    string    `arg:"action" choices:"blackhole,unreachable,prohibit" doc:"instead of a table: what happens to the packets"`
	Family    string    `arg:"family" choices:"ipv4,ipv6" doc:"where neither from nor to tells it; ipv4 if unset"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the rule"`
	Netns     Netns     `arg:"netns" doc:"network namespace to work in, as ip netns lists it"`
	Container Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "rule", Short: "a rule of the routing policy", New: func() Task { return new(Rule) }})
}

// Mark is a firewall mark and its mask as the kernel shows them, 0x1 or 0x1/0xff.
type Mark string

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mark) UnmarshalText(text []byte) error {
	value, mask, masked := strings.Cut(string(text), "/")
	v, err := strconv.ParseUint(value, 0, 32)
	full := uint64(1<<32 - 1)
	k := full
	if err == nil && masked {
		k, err = strconv.ParseUint(mask, 0, 32)
	}
	if err != nil || k == 0 {
		return fmt.Errorf("%q is not a firewall mark: write 0x1 or 0x1/0xff", text)
	}
	if v&^k != 0 {
		return fmt.Errorf("%q: the mark has bits that the mask leaves out", text)
	}
	*m = Mark(fmt.Sprintf("%#x", v))
	if k != full {
		*m += Mark(fmt.Sprintf("/%#x", k))
	}
	return nil
}

func (r *Rule) place() place { return place{r.Netns, r.Container} }

// Check implements Task.
func (r *Rule) Check() error {
	errs := []error{r.place().check()}
	if r.Priority < 1 || r.Priority > 32765 {
		errs = append(errs, Wrong("priority", "%d is not a number from 1 to 32765", r.Priority))
	}
	if r.From.Default || r.To.Default {
		errs = append(errs, Wrong("from", "default is every address: leave from or to out"))
	}
	if (r.Table == 0) == (r.Action == "") {
		errs = append(errs, Wrong("table", "a rule has either a table or an action"))
	}
	six := r.six()
	for _, p := range []struct {
		arg string
		net Net
	}{{"from", r.From}, {"to", r.To}} {
		if p.net.IsValid() && p.net.Addr().Is6() != six {
			errs = append(errs, Wrong(p.arg, "%s is not of the same family as the rest of the rule", p.net))
		}
	}
	return errors.Join(errs...)
}

func (r *Rule) six() bool {
	switch {
	case r.Family != "":
		return r.Family == "ipv6"
	case r.From.IsValid():
		return r.From.Addr().Is6()
	}
	return r.To.IsValid() && r.To.Addr().Is6()
}

// Want implements Wanter.
func (r *Rule) Want() []state.Want {
	rule := state.Rule{Scope: r.place().scope(), Family: 4, Priority: r.Priority, IIF: string(r.IIF), OIF: string(r.OIF),
		FwMark: string(r.FwMark), Table: int(r.Table), Action: r.Action}
	if r.six() {
		rule.Family = 6
	}
	if r.From.IsValid() && r.From.Bits() > 0 {
		rule.From = r.From.Prefix.String()
	}
	if r.To.IsValid() && r.To.Bits() > 0 {
		rule.To = r.To.Prefix.String()
	}
	return wants(r.State, rule)
}
