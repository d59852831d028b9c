package state

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Inspect wants nothing: it has a container looked at, so that a task can tell of it.
type Inspect struct {
	// Name is the container's scope. It is no Scope, so that one that is not there is no hindrance.
	Name    string `json:"name" state:"key"`
	Running bool   `json:"running,omitempty"` // it has to run
}

// Key implements Object. No container has such a name.
func (i Inspect) Key() Key { return Key{Kind: KindContainer, Name: "look at " + i.Name} }

// Needs implements Object.
func (i Inspect) Needs() []Key { return nil }

// Reads implements Late.
func (i Inspect) Reads() []Key {
	keys := []Key{{Kind: KindChain}, {Kind: KindNetns}}
	if name, sought := Scope(i.Name).Sought(); sought {
		keys = append(keys, ContainerKey(name))
	}
	return keys
}

// ReadsNext implements Curious: what is in the container, once it is known which that is.
func (i Inspect) ReadsNext(view View) []Key {
	scope, there := i.find(view)
	if !there {
		return nil
	}
	return []Key{{Kind: KindChain, Scope: scope}, {Kind: KindAddress, Scope: scope}}
}

// find is the scope of the container, if it runs.
func (i Inspect) find(view View) (Scope, bool) {
	scope, err := Scope(i.Name).Locate(view)
	if err != nil {
		return scope, false
	}
	if sort, name := scope.Split(); sort == "netns" {
		_, there := view.Get(Netns{Name: name}.Key())
		return scope, there
	}
	if ok, _ := Scope(i.Name).Live(view); !ok {
		return scope, false
	}
	return scope, true
}

// Resolve implements Late: nothing is wanted.
func (i Inspect) Resolve(view View) (Object, error) {
	if _, err := Scope(i.Name).Locate(view); err != nil {
		return nil, err
	}
	if _, there := i.find(view); !there && i.Running {
		_, why := Scope(i.Name).Live(view)
		if why == "" {
			why = fmt.Sprintf("there is no %s", i.Name)
		}
		return nil, fmt.Errorf("%s", why)
	}
	return nil, nil
}

// Inspected is what a host knows of a container.
type Inspected struct {
	There, Running bool
	Scope          Scope // by its runtime's own name
	ID             string
	Addresses      []string       // with prefix lengths
	Ports          map[string]int // port of the host by PORT/PROTO, where it is published at more than the host's loopback
	Links          []NetLink
}

// See is what the view tells of the container.
func (i Inspect) See(view View) Inspected {
	scope, running := i.find(view)
	out := Inspected{There: running, Running: running, Scope: scope, Ports: map[string]int{}}
	name, _ := Scope(i.Name).Sought()
	if o, known := view.Get(ContainerKey(name)); known {
		c := o.(Container)
		out.There, out.ID = running || c.Scope != "", c.ID
		out.add(c.Published)
	}
	own := map[netip.Addr]bool{}
	for _, o := range view.All(KindAddress, scope) {
		if a := o.(Address); running && !a.Prefix.Addr().IsLoopback() {
			own[a.Prefix.Addr()] = true
			out.Addresses = append(out.Addresses, a.Prefix.String())
		}
	}
	for _, o := range view.All(KindChain, HostScope) {
		out.published(o.(Chain), []string{Scope(i.Name).Bare(), scope.Bare()}, own)
	}
	for _, o := range view.All(KindChain, scope) {
		if c := o.(Chain); running && IsLinkChain(c) {
			out.Links = append(out.Links, LinksOf(c)...)
		}
	}
	slices.SortFunc(out.Links, func(a, b NetLink) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// add takes a runtime's own publications, HOST_PORT:PORT/PROTO.
func (i *Inspected) add(published []string) {
	for _, p := range published {
		host, port, _ := strings.Cut(p, ":")
		if n, err := strconv.Atoi(host); err == nil && i.Ports[port] == 0 {
			i.Ports[port] = n
		}
	}
}

// published takes what a chain of the host leads to the container: what carries its name,
// and, if it runs, leads to one of its addresses. The name alone counts for nothing of
// one that runs, whose rules may be stale, and an address alone for nothing at all: it may
// have been that of another container, which does not run now.
func (i *Inspected) published(c Chain, names []string, own map[netip.Addr]bool) {
	if c.Table != "nat" || !OwnChain(c.Name) {
		return
	}
	for _, p := range Publications(c) {
		to, err := netip.ParseAddrPort(p.To)
		n, err2 := strconv.Atoi(p.HostPort)
		name, _, _ := strings.Cut(p.Comment, " ")
		if err != nil || err2 != nil || p.IP.IsLoopback() || !slices.Contains(names, name) || i.Running && !own[to.Addr()] {
			continue
		}
		if port := fmt.Sprintf("%d/%s", to.Port(), p.Proto); i.Ports[port] == 0 {
			i.Ports[port] = n
		}
	}
}
