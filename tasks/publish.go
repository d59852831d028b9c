package tasks

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strconv"

	"netrun/tasks/state"
)

// Publish makes ports of a container reachable at the host's addresses, as docker
// run -p does, for containers that were started without.
type Publish struct {
	Container  Container      `arg:"container" doc:"the container: a name or id of Docker or podman, PROJECT/SERVICE of compose, the name of a network namespace, or pid:N"`
	Netns      Netns          `arg:"netns" doc:"the same, by the name of a network namespace only"`
	Ports      []PortSpec     `arg:"ports" doc:"ports as docker run -p takes them: [[IP:][HOST_PORT[-END]:]PORT[-END][/tcp|udp|sctp]; without a host port the lowest free one from 4000 is given out, and kept"`
	Pairs      []PortPairs    `arg:"pairs" doc:"ports as geard's INTERNAL:EXTERNAL, with commas between pairs; the external port 0 is given out"`
	Family     string         `arg:"family" default:"ipv4" choices:"ipv4,ipv6,both" doc:"where ports without an address are published"`
	Address    []Addr         `arg:"address" doc:"address of the container, one a family; unset, the first one that the host reaches"`
	Masquerade bool           `arg:"masquerade" doc:"let all connections seem to come from the host: for a container whose default route leads elsewhere, or that has none"`
	Links      []any          `arg:"links" doc:"links in the container, as the task link takes them"`
	LinkPorts  map[string]any `arg:"link_ports" doc:"what container_info registered, by host: for links to HOST/CONTAINER. Unset, those hosts are asked"`
	Name       string         `arg:"name" doc:"names the chains; unset, the container. A second task for one container needs a name of its own"`
	State      string         `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the rules; ip_forward, route_localnet and what guards it stay"`
}

func init() {
	Register(Kind{Name: "publish", Short: "ports of a container at the host's addresses (docker run -p)", New: func() Task { return new(Publish) }})
}

func (p *Publish) place() place { return place{p.Netns, p.Container} }

// Check implements Task.
func (p *Publish) Check() error {
	errs := []error{p.place().check(), checkLine("name", p.Name)}
	if !p.place().given() {
		errs = append(errs, Wrong("container", "which container?"))
	}
	if p.State != absent && len(p.Ports)+len(p.Pairs) == 0 {
		errs = append(errs, Wrong("ports", "which ports? give ports, or pairs").WithHint("ports: [80:8080]"))
	}
	for i, spec := range p.Ports {
		if spec.IP.Is6() && spec.IP.IsLoopback() {
			errs = append(errs, at(Wrong("ports", "%s: no rule leads ::1 elsewhere: IPv6 has no route_localnet", spec.IP), i))
		}
	}
	return errors.Join(append(errs, p.checkAddress(), p.checkTwice(), p.links().check())...)
}

// checkAddress wants at most one address a family, and one that is published on.
func (p *Publish) checkAddress() error {
	var errs []error
	seen := map[bool]bool{}
	for i, a := range p.Address {
		if seen[a.Is6()] {
			errs = append(errs, at(Wrong("address", "%s: give one address a family", a), i))
		}
		seen[a.Is6()] = true
		if a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() {
			errs = append(errs, at(Wrong("address", "%s is not an address at which a host reaches a container", a), i))
		}
	}
	return errors.Join(errs...)
}

// checkTwice refuses a port of the host that is given to two ports of the container.
func (p *Publish) checkTwice() error {
	var seen []binding
	for _, b := range p.bindings() {
		if b.automatic() {
			continue
		}
		for _, o := range seen {
			if o.proto == b.proto && o.choice == b.choice && (o.ip == b.ip || !o.ip.IsValid() || !b.ip.IsValid()) {
				return Wrong("ports", "port %d/%s of the host is there twice: for %d and %d", b.choice.first, b.proto, o.container, b.container)
			}
		}
		seen = append(seen, b)
	}
	return nil
}

// bindings are all single ports in the order in which they were written.
func (p *Publish) bindings() []binding {
	var out []binding
	for _, spec := range p.Ports {
		out = append(out, spec.bindings()...)
	}
	for _, pairs := range p.Pairs {
		for _, spec := range pairs {
			out = append(out, spec.bindings()...)
		}
	}
	return out
}

// on are the bindings of the family, without an address where it is all of them.
func (p *Publish) on(family int) []binding {
	var out []binding
	for _, b := range p.bindings() {
		switch {
		case !b.ip.IsValid() && p.Family != "both" && p.Family != map[int]string{4: "ipv4", 6: "ipv6"}[family]:
			continue
		case b.ip.IsValid() && b.ip.Is6() != (family == 6):
			continue
		case b.ip.IsValid() && b.ip.IsUnspecified():
			b.ip = netip.Addr{}
		}
		out = append(out, b)
	}
	return out
}

// links are those that the task makes in the container.
func (p *Publish) links() linkList {
	return linkList{items: &p.Links, ports: p.LinkPorts, place: p.place(), name: "publish " + cmp.Or(p.Name, p.place().scope().Bare()), whole: p.Links != nil}
}

// chain is the name of the task's chains without their last letter.
func (p *Publish) chain() string {
	name := p.Name
	if name == "" {
		name = p.place().scope().Bare()
	}
	sum := sha256.Sum256([]byte(name))
	return state.ChainPrefix + "-P" + hex.EncodeToString(sum[:4])
}

// Want implements Wanter.
func (p *Publish) Want() []state.Want {
	if p.State == absent {
		var objects []state.Object
		for _, family := range []int{4, 6} {
			if p.Family == "both" || (p.Family == "ipv6") == (family == 6) || len(p.on(family)) > 0 {
				objects = append(objects, p.rules(family, nil)...)
			}
		}
		return append(p.links().wants(absent), wants(absent, objects...)...)
	}
	var objects []state.Object
	for _, family := range []int{4, 6} {
		if list := p.on(family); len(list) > 0 {
			objects = append(objects, forwarding(state.HostScope, family == 4, family == 6, nil)...)
			objects = append(objects, localnet(family, list)...)
			objects = append(objects, state.Table{Family: family, Name: "nat"}, state.Table{Family: family, Name: "filter"})
			objects = append(objects, p.rules(family, list)...)
			objects = append(objects, state.Hairpin{Family: family, Of: p.place().scope()})
		}
	}
	return append(state.Present(objects...), p.links().wants(present)...)
}

// localnet lets connections to 127.0.0.1 leave the host once they are translated. The
// parameter lets neighbours reach the host's own 127.0.0.1 too: a chain refuses them.
func localnet(family int, list []binding) []state.Object {
	if family == 6 || !slices.ContainsFunc(list, func(b binding) bool { return !b.ip.IsValid() || b.ip.IsLoopback() }) {
		return nil
	}
	guard := state.Chain{Family: 4, Table: "raw", Name: state.ChainPrefix + "-LOCALNET",
		Rules: [][]string{{"-d", "127.0.0.0/8", "!", "-i", "lo", "-j", "DROP"}}}
	return []state.Object{
		state.Table{Family: 4, Name: "raw"}, guard,
		state.Jump{Family: 4, Table: "raw", From: "PREROUTING", To: guard.Name, First: true},
		state.Sysctl{Name: "net/ipv4/conf/all/route_localnet", Value: "1"},
	}
}

// dockerUser is the chain that Docker leaves to its user.
const dockerUser = "DOCKER-USER"

// rules are the chains of a family and the jumps to them.
func (p *Publish) rules(family int, list []binding) []state.Object {
	name, local := p.chain(), []string{"-m", "addrtype", "--dst-type", "LOCAL"}
	chain := func(table, letter string) state.Chain {
		c := state.Chain{Family: family, Table: table, Name: name + letter}
		if len(list) > 0 {
			c.Of = p.place().scope()
		}
		return c
	}
	dnat, snat, accept := chain("nat", "-D"), chain("nat", "-S"), chain("filter", "-F")
	to := p.to(family)
	seen := map[binding]bool{}
	for _, b := range list {
		dnat.Rules = append(dnat.Rules, to.dnat(p.place().scope().Bare(), b))
		if b = (binding{proto: b.proto, container: b.container}); !seen[b] {
			seen[b] = true
			snat.Rules = append(snat.Rules, to.snat(b, p.Masquerade)...)
			accept.Rules = append(accept.Rules, to.accept(b)...)
		}
	}
	jump := func(table, from, chain string, match ...string) state.Jump {
		return state.Jump{Family: family, Table: table, From: from, To: chain, Match: match, First: true}
	}
	own := local
	if family == 6 {
		own = append([]string{"!", "-d", "::1/128"}, local...) // it could not leave the host
	}
	// What Docker's user says is forwarded, or not, is in DOCKER-USER, and goes first.
	docker, forward := jump("filter", dockerUser, accept.Name), jump("filter", "FORWARD", accept.Name)
	docker.First, docker.Last, docker.When, forward.When = false, true, "chain="+dockerUser, "nochain="+dockerUser
	return []state.Object{dnat, snat, accept, jump("nat", "PREROUTING", dnat.Name, local...), jump("nat", "OUTPUT", dnat.Name, own...),
		jump("nat", "POSTROUTING", snat.Name), forward, docker}
}

// published is the container's address in the words of rules.
type published struct {
	address, host, subnet string // alone, with its length, and its subnet
	six                   bool
}

func (p *Publish) to(family int) published {
	t := published{address: "${to" + strconv.Itoa(family) + "}", subnet: "${net" + strconv.Itoa(family) + "}", six: family == 6}
	for _, a := range p.Address {
		if a.Is6() == t.six {
			t.address, t.subnet = a.String(), "${net"+strconv.Itoa(family)+" "+a.String()+"}"
		}
	}
	t.host = t.address + map[bool]string{false: "/32", true: "/128"}[t.six]
	return t
}

// dnat leads the port of the host to the container.
func (t published) dnat(container string, b binding) []string {
	var rule []string
	if b.ip.IsValid() {
		rule = append(rule, "-d", netip.PrefixFrom(b.ip, b.ip.BitLen()).String())
	}
	to := t.address + ":" + port(b.container)
	if t.six {
		to = "[" + t.address + "]:" + port(b.container)
	}
	return append(rule, "-p", b.proto, "-m", b.proto, "--dport", b.wanted(),
		"-m", "comment", "--comment", container+" "+b.name(), "-j", "DNAT", "--to-destination", to)
}

// wanted is the port of the host, or the fact that stands for a free one.
func (b binding) wanted() string {
	switch {
	case b.choice.last == 0:
		return "${port}"
	case b.choice.len() > 1:
		return "${port " + b.choice.String() + "}"
	}
	return port(b.choice.first)
}

// snat gives packets from which no answer would come back by the host its address:
// those of the container itself and of its neighbours, and the host's own.
func (t published) snat(b binding, all bool) [][]string {
	rule := func(source ...string) []string {
		match := []string{"-d", t.host, "-p", b.proto, "-m", b.proto, "--dport", port(b.container), "-m", "conntrack", "--ctstate", "DNAT"}
		return append(append(match, source...), "-j", "MASQUERADE")
	}
	if all {
		return [][]string{rule()}
	}
	return [][]string{append([]string{"-s", t.subnet}, rule()...), rule("-m", "addrtype", "--src-type", "LOCAL")}
}

// accept lets what was translated pass, where a policy (Docker's is DROP) would not.
func (t published) accept(b binding) [][]string {
	translated := []string{"-m", "conntrack", "--ctstate", "DNAT", "-j", "ACCEPT"}
	return [][]string{
		append([]string{"-d", t.host, "-p", b.proto, "-m", b.proto, "--dport", port(b.container)}, translated...),
		append([]string{"-s", t.host, "-p", b.proto, "-m", b.proto, "--sport", port(b.container)}, translated...),
	}
}

// Told implements Teller: the ports, those that were given out too.
func (p *Publish) Told(view state.View) map[string]any {
	list := []any{}
	told := map[string]any{"ports": list}
	for _, family := range []int{4, 6} {
		chain, there := view.Get(state.Chain{Family: family, Table: "nat", Name: p.chain() + "-D"}.Key())
		if !there {
			continue
		}
		for _, r := range state.Publications(chain.(state.Chain)) {
			entry, ok := publication(r)
			if !ok {
				continue
			}
			if len(list) == 0 {
				told["host_port"], told["address"] = entry["host_port"], entry["address"]
			}
			list = append(list, entry)
		}
	}
	told["ports"] = list
	return told
}

// publication is one publication as register gets it.
func publication(r state.Publication) (map[string]any, bool) {
	to, err := netip.ParseAddrPort(r.To)
	host, err2 := strconv.Atoi(r.HostPort)
	if err != nil || err2 != nil {
		return nil, false
	}
	ip := ""
	if r.IP.IsValid() {
		ip = r.IP.String()
	}
	return map[string]any{"host_ip": ip, "host_port": host, "container_port": int(to.Port()), "proto": r.Proto, "address": to.Addr().String()}, true
}
