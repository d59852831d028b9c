package tasks

import (
	"errors"

	"netrun/tasks/state"
)

// Route is a route of a routing table.
type Route struct {
	To        Net       `arg:"to,required" doc:"destination: a subnet (10.0.0.0/24), an address, or default"`
	Via       Addr      `arg:"via" doc:"gateway"`
	Dev       IfName    `arg:"dev" doc:"link; unset, the one on whose subnet the gateway is"`
	Src       Addr      `arg:"src" doc:"source address that the host itself prefers on this route"`
	Metric    int       `arg:"metric" doc:"metric; routes to one destination with different metrics are different routes"`
	Table     TableID   `arg:"table" doc:"routing table: a number, main, default or local; unset is main"`
	Type      string    `arg:"type" default:"unicast" choices:"unicast,blackhole,unreachable,prohibit" doc:"what happens to the packets"`
	MTU       int       `arg:"mtu" doc:"MTU towards the destination, in bytes"`
	OnLink    bool      `arg:"onlink" doc:"the gateway is on the link though no subnet says so"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the route"`
	Netns     Netns     `arg:"netns" doc:"network namespace to work in, as ip netns lists it"`
	Container Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "route", Short: "a route", Free: "to", New: func() Task { return new(Route) }})
}

func (r *Route) place() place { return place{r.Netns, r.Container} }

// Check implements Task.
func (r *Route) Check() error {
	return errors.Join(r.place().check(), checkMTU(r.MTU), checkRange("metric", r.Metric, 1, 1<<31-1), r.checkFamilies(), r.checkWay())
}

func (r *Route) checkFamilies() error {
	dst := r.To.For(r.Via.Addr)
	if r.To.Default && !r.Via.IsValid() && r.Src.IsValid() {
		dst = r.To.For(r.Src.Addr)
	}
	var errs []error
	if r.Via.IsValid() && r.Via.Is6() != dst.Addr().Is6() {
		errs = append(errs, Wrong("via", "%s is not of the same family as %s", r.Via, dst))
	}
	if r.Src.IsValid() && r.Src.Is6() != dst.Addr().Is6() {
		errs = append(errs, Wrong("src", "%s is not of the same family as %s", r.Src, dst))
	}
	return errors.Join(errs...)
}

func (r *Route) checkWay() error {
	way := r.Via.IsValid() || r.Dev != ""
	switch {
	case r.State == absent:
		return nil
	case r.Type == "unicast" && !way:
		return Wrong("to", "a route needs via, dev or both").WithHint("or type: blackhole, unreachable, prohibit")
	case r.Type != "unicast" && way:
		return Wrong("type", "a %s route goes nowhere: it has neither via nor dev", r.Type)
	case r.OnLink && !(r.Via.IsValid() && r.Dev != ""):
		return Wrong("onlink", "onlink is about a gateway on a link: give via and dev")
	case r.To.Default && !r.Via.IsValid() && r.Src.Is6():
		return Wrong("to", "default without a gateway is IPv4's").WithHint("write ::/0")
	}
	return nil
}

// Want implements Wanter.
func (r *Route) Want() []state.Want {
	route := state.Route{Scope: r.place().scope(), Dst: r.To.For(r.Via.Addr), Metric: r.Metric, Via: r.Via.text(),
		Dev: string(r.Dev), Src: r.Src.text(), MTU: r.MTU}
	if r.Table != mainTable {
		route.Table = int(r.Table)
	}
	if r.Type != "unicast" {
		route.Type = r.Type
	}
	if r.OnLink {
		route.OnLink = new(true)
	}
	return wants(r.State, route)
}
