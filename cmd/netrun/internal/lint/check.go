package lint

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// Check lists what is wrong, ordered by place. With a finding that involves a task
// which may not be run, only a warning is given.
func Check(hosts []Host) []Finding {
	n := newNetwork(hosts)
	n.index()
	n.conflicts()
	n.ports()
	n.published()
	n.join()
	n.addresses()
	n.slices()
	n.macs()
	n.subnets()
	n.tunnelEnds()
	n.twins()
	n.mtus()
	n.gateways()
	n.links()
	n.linked()
	n.loops()
	slices.SortStableFunc(n.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return slices.CompactFunc(n.findings, func(a, b Finding) bool { return a == b })
}

// network is what all hosts come to have, once all tasks have run.
type network struct {
	hosts    []*host
	domains  domains
	findings []Finding

	// Made by index.
	owners  map[netip.Addr]*host // the first host that has the address
	routes  []netip.Prefix       // through a gateway, default routes left out
	tunnels []*tunnel
	bridges domains // those of one host that are put into each other
}

// host is what one host comes to have.
type host struct {
	*Host
	objects  map[state.Key]*owned
	keys     []state.Key // in the order in which they came to be
	clashing []clash

	// Made by index.
	addrs   map[netip.Addr]bool
	peers   map[place]bool // the other ends of veths that tasks make
	tunnels []*tunnel
}

// owned is an object, and the last task that wants it.
type owned struct {
	host   *host
	object state.Object
	task   *Task
}

// clash is two tasks of one play that want different things of one object.
type clash struct {
	key           state.Key
	field         state.FieldDiff
	first, second *Task
}

func newNetwork(hosts []Host) *network {
	n := &network{domains: domains{}, owners: map[netip.Addr]*host{}}
	for i := range hosts {
		h := &host{Host: &hosts[i], objects: map[state.Key]*owned{}, addrs: map[netip.Addr]bool{}, peers: map[place]bool{}}
		for t := range h.Tasks {
			for _, w := range h.Tasks[t].Wants {
				h.want(&h.Tasks[t], w)
			}
		}
		n.hosts = append(n.hosts, h)
	}
	return n
}

// index prepares what is asked for often.
func (n *network) index() {
	for _, h := range n.hosts {
		for _, ip := range h.Addrs {
			n.owns(h, ip)
		}
	}
	each(n, func(o *owned, a state.Address) { n.owns(o.host, a.Prefix.Addr()) })
	each(n, func(o *owned, l state.Link) {
		if l.Type == "veth" && l.Peer != "" {
			o.host.peers[place{o.host.Name, l.PeerScope, l.Peer}] = true
		}
	})
	each(n, func(_ *owned, r state.Route) {
		if r.Via != "" && r.Dst.Bits() > 0 {
			n.routes = append(n.routes, r.Dst)
		}
	})
	n.findTunnels()
	n.bridges = domains{}
	n.joinBridges(n.bridges)
}

func (n *network) owns(h *host, ip netip.Addr) {
	h.addrs[ip] = true
	if n.owners[ip] == nil {
		n.owners[ip] = h
	}
}

func (h *host) want(t *Task, w state.Want) {
	if c, ok := w.Object.(state.Curious); ok && !w.Absent {
		// Which sort of bridge it is the host says: here, what the tasks make of it.
		likely, err := c.Resolve(planned{h})
		if err != nil || likely == nil {
			return
		}
		w.Object = likely
	}
	key := w.Object.Key()
	if w.Absent {
		h.remove(key)
		return
	}
	have, known := h.objects[key]
	if !known {
		h.objects[key] = &owned{h, w.Object, t}
		h.keys = append(h.keys, key)
		return
	}
	if _, edit := w.Object.(state.Edit); edit || !sameType(have.object, w.Object) {
		return // edits of a file build on each other, and on its content
	}
	for _, f := range state.Diff(w.Object, have.object) {
		if f.From != "" && have.task.Play == t.Play {
			h.clashing = append(h.clashing, clash{key, f, have.task, t})
		}
	}
	h.objects[key] = &owned{h, state.Merge(have.object, w.Object), t}
}

// planned is what the tasks so far make, as a view.
type planned struct{ *host }

// Get implements state.View.
func (p planned) Get(k state.Key) (state.Object, bool) {
	o := p.objects[k]
	if o == nil {
		return nil, false
	}
	return o.object, true
}

// All implements state.View.
func (p planned) All(kind state.Kind, scope state.Scope) []state.Object {
	var out []state.Object
	for _, k := range p.keys {
		if k.Kind == kind && k.Scope == scope && p.objects[k] != nil {
			out = append(out, p.objects[k].object)
		}
	}
	return out
}

// remove takes away the object and what stands on it.
func (h *host) remove(key state.Key) {
	if _, ok := h.objects[key]; !ok {
		return
	}
	delete(h.objects, key)
	h.keys = slices.DeleteFunc(h.keys, func(k state.Key) bool { return k == key })
	for _, k := range slices.Clone(h.keys) {
		if o := h.objects[k]; o != nil && slices.Contains(o.object.Needs(), key) {
			h.remove(k)
		}
	}
}

func sameType(a, b state.Object) bool { return fmt.Sprintf("%T", a) == fmt.Sprintf("%T", b) }

// each calls f for every object of the type.
func each[T state.Object](n *network, f func(o *owned, object T)) {
	for _, h := range n.hosts {
		for _, k := range h.keys {
			if o := h.objects[k]; o != nil {
				if object, ok := o.object.(T); ok {
					f(o, object)
				}
			}
		}
	}
}

// link is the wanted link of that name.
func (h *host) link(scope state.Scope, name string) (state.Link, bool) {
	o := h.objects[state.LinkKey(scope, name)]
	if o == nil {
		return state.Link{}, false
	}
	l, ok := o.object.(state.Link)
	return l, ok
}

// report adds a finding about what several tasks want; the last one is at fault.
func (n *network) report(warning bool, hint string, tasks []*Task, format string, a ...any) {
	last := tasks[len(tasks)-1]
	f := Finding{Warning: warning, Pos: last.Pos, Msg: fmt.Sprintf(format, a...), Hint: hint}
	for _, t := range tasks {
		f.Warning = f.Warning || t.Unsure
	}
	if other := tasks[0]; other.Pos != last.Pos {
		f.Msg += fmt.Sprintf("; see %s", other.Pos)
	}
	n.findings = append(n.findings, f)
}

// conflicts reports tasks that undo each other's work in every play.
func (n *network) conflicts() {
	seen := map[string]bool{}
	for _, h := range n.hosts {
		for _, c := range h.clashing {
			id := fmt.Sprint(c.key, c.field.Field, c.first.Pos, c.second.Pos)
			if seen[id] {
				continue
			}
			seen[id] = true
			n.report(false, "", []*Task{c.first, c.second}, "%s of %s: two tasks want different values of %s, %s and %s",
				c.key, h.Name, c.field.Field, c.field.From, c.field.To)
		}
	}
}

// ports reports links that are to be in an OVS bridge and in a Linux bridge at once.
func (n *network) ports() {
	each(n, func(o *owned, p state.OVSPort) {
		if m := o.host.objects[state.Member{Link: p.Name}.Key()]; m != nil && p.Type == "" {
			n.report(false, "", []*Task{m.task, o.task}, "link %s of %s is to be a port of the OVS bridge %s and of the bridge %s",
				p.Name, o.host.Name, p.Bridge, m.object.(state.Member).Bridge)
		}
	})
}

// maxShown bounds how many hosts a message names.
const maxShown = 3

// nameList is "node1, node2 and 5 more".
func nameList(names []string) string {
	if len(names) <= maxShown+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxShown], ", "), len(names)-maxShown)
}
