package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"netrun/tasks/state"
)

// Link makes a port of somewhere else appear at a local address inside a
// container, by iptables rules: geard's link.
type Link struct {
	Container Container `arg:"container" doc:"where the local address is: name of a container or of a network namespace, project/service of a compose project, docker:NAME, podman:NAME or pid:N; unset, the host itself"`
	Netns     Netns     `arg:"netns" doc:"the same, by the name of a network namespace only"`
	From      string    `arg:"from" doc:"one link: the local address and port, 127.0.0.1:6379, or the port alone"`
	To        string    `arg:"to" doc:"one link: the remote address and port, 10.16.138.4:50000; a name of the inventory may stand for the address"`
	Interface IfName    `arg:"interface" doc:"one link: the link through which it leaves; unset, the one that the routes choose"`
	Source    Addr      `arg:"source" doc:"one link: the source address with which it leaves; unset, the one that the routes choose"`
	Links     []any     `arg:"links" doc:"several links: texts [LOCAL_HOST:]LOCAL_PORT:REMOTE_HOST:REMOTE_PORT, or maps with from, from_port, to, to_port, interface, source"`
	Name      string    `arg:"name" doc:"names the chains; unset, made from the place and the first link's local address. Two tasks with links of one name take turns in undoing each other"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the rules; route_localnet and ip_forward stay"`
}

func init() {
	Register(Kind{Name: "link", Short: "a remote port at a local address, by iptables (geard)", New: func() Task { return new(Link) }})
}

func (l *Link) place() place { return place{l.Netns, l.Container} }

// specs reads the links in whichever form they were given.
func (l *Link) specs() ([]linkSpec, error) {
	if l.From != "" || l.To != "" {
		m := map[string]any{"from": l.From, "to": l.To}
		if l.Interface != "" {
			m["interface"] = string(l.Interface)
		}
		if l.Source.IsValid() {
			m["source"] = l.Source.String()
		}
		spec, err := linkFromMap(m)
		return []linkSpec{spec}, err
	}
	var specs []linkSpec
	var errs []error
	for i, item := range l.Links {
		spec, err := parseLinkItem(item)
		if err != nil {
			errs = append(errs, under(err, "links", i))
		}
		specs = append(specs, spec)
	}
	return specs, errors.Join(errs...)
}

// Expand implements Expander: remote hosts that the inventory knows become addresses.
func (l *Link) Expand(inv Inventory) error {
	specs, err := l.specs()
	if err != nil {
		return nil // Check reports it
	}
	var errs []error
	for i, s := range specs {
		if s.to.IsValid() {
			continue
		}
		addr, err := addressOf(inv, s.host)
		if err != nil {
			errs = append(errs, l.about(i, err))
			continue
		}
		l.substitute(i, s, addr)
	}
	return errors.Join(errs...)
}

// substitute writes the address where the name was, so that the arguments say it all.
func (l *Link) substitute(i int, s linkSpec, addr netip.Addr) {
	s.to = addr
	if l.To != "" {
		l.To = netip.AddrPortFrom(addr, s.toPort).String()
		return
	}
	l.Links[i] = s.asMap()
}

// about says which argument the error is about.
func (l *Link) about(i int, err error) error {
	if l.To != "" {
		return under(err, "to")
	}
	return under(err, "links", i)
}

// under is the error as one about an argument further down.
func under(err error, path ...any) error {
	var arg *ArgError
	if errors.As(err, &arg) {
		return &ArgError{Path: append(append([]any{}, path...), arg.Path...), Msg: arg.Msg, Hint: arg.Hint, Key: arg.Key}
	}
	return &ArgError{Path: append([]any{}, path...), Msg: err.Error()}
}

// addressOf is the IPv4 address of a host of the inventory.
func addressOf(inv Inventory, host string) (netip.Addr, error) {
	hosts, ok := inv.Group(host)
	if !ok || len(hosts) != 1 || hosts[0] != host {
		return netip.Addr{}, (&ArgError{Msg: fmt.Sprintf("%q is not an IPv4 address, and not a host of the inventory", host)}).
			WithHint("write an address, or the name of a host that has node_address or ansible_host")
	}
	for _, name := range []string{"node_address", "ansible_host"} {
		texts, err := nodeTexts(inv, host, []string{name}, false)
		if err != nil {
			return netip.Addr{}, err
		}
		for _, text := range texts {
			if addr, err := netip.ParseAddr(text); err == nil && addr.Is4() {
				return addr, nil
			}
		}
	}
	return netip.Addr{}, (&ArgError{Msg: fmt.Sprintf("host %s of the inventory has no IPv4 address in node_address or ansible_host", host)}).
		WithHint("set node_address in host_vars/%s.yml", host)
}

// Check implements Task.
func (l *Link) Check() error {
	single := l.From != "" || l.To != "" || l.Interface != "" || l.Source.IsValid()
	switch {
	case l.Links != nil && single:
		return Wrong("links", "give either links, or one link by from and to").WithHint("interface and source go into the maps of links")
	case l.Links == nil && (l.From == "" || l.To == ""):
		return Wrong("from", "which link? give from and to, or links").WithHint("from: 127.0.0.1:6379, to: 10.16.138.4:50000")
	case len(l.Links) == 0 && !single:
		return Wrong("links", "the list is empty").WithHint("state: absent removes the links of a name")
	}
	errs := []error{l.place().check(), checkLine("name", l.Name)}
	specs, err := l.specs()
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	seen := map[netip.AddrPort]bool{}
	for i, s := range specs {
		if !s.to.IsValid() {
			errs = append(errs, l.about(i, &ArgError{Msg: fmt.Sprintf("%q is not an IPv4 address", s.host), Hint: "write an address, or the name of a host of the inventory"}))
		}
		if s.to == s.from.Addr() && s.toPort == s.from.Port() {
			errs = append(errs, l.about(i, &ArgError{Msg: fmt.Sprintf("%s leads to itself", s.from)}))
		}
		if seen[s.from] {
			errs = append(errs, l.about(i, &ArgError{Msg: fmt.Sprintf("%s is linked twice", s.from)}))
		}
		seen[s.from] = true
	}
	return errors.Join(errs...)
}

// chain is the name of the task's chains without their last letter.
func (l *Link) chain(specs []linkSpec) string {
	name := l.Name
	if name == "" {
		name = l.place().scope().Bare() + "\x00" + specs[0].from.String()
	}
	sum := sha256.Sum256([]byte(name))
	return state.ChainPrefix + "-L" + hex.EncodeToString(sum[:4])
}

// Want implements Wanter.
func (l *Link) Want() []state.Want {
	specs, err := l.specs()
	if err != nil || len(specs) == 0 {
		return nil // Check refuses it
	}
	scope, name := l.place().scope(), l.chain(specs)
	dnat := state.Chain{Scope: scope, Family: 4, Table: "nat", Name: name + "-D"}
	snat := state.Chain{Scope: scope, Family: 4, Table: "nat", Name: name + "-S"}
	seen := map[string]bool{}
	for _, s := range specs {
		dnat.Rules = append(dnat.Rules, s.dnat())
		// Two local addresses may lead to one remote port, which needs one rule.
		if rule := s.snat(); !seen[fmt.Sprint(rule)] {
			seen[fmt.Sprint(rule)] = true
			snat.Rules = append(snat.Rules, rule)
		}
	}
	jump := func(from, to string) state.Jump {
		return state.Jump{Scope: scope, Family: 4, Table: "nat", From: from, To: to, First: true}
	}
	chains := []state.Object{dnat, snat, jump("PREROUTING", dnat.Name), jump("OUTPUT", dnat.Name), jump("POSTROUTING", snat.Name)}
	if l.State == absent {
		return wants(absent, chains...)
	}
	return state.Present(append([]state.Object{
		state.Sysctl{Scope: scope, Name: "net/ipv4/conf/all/route_localnet", Value: "1"},
		state.Sysctl{Scope: scope, Name: "net/ipv4/ip_forward", Value: "1"},
		state.Table{Scope: scope, Family: 4, Name: "nat"},
	}, chains...)...)
}

// dnat is the rule that turns the local address into the remote one, in the words of iptables-save.
func (s linkSpec) dnat() []string {
	return []string{"-d", s.from.Addr().String() + "/32", "-p", "tcp", "-m", "tcp", "--dport", port(s.from.Port()),
		"-j", "DNAT", "--to-destination", netip.AddrPortFrom(s.to, s.toPort).String()}
}

// snat gives the packets a source to which an answer finds its way: 127.0.0.1 would not.
func (s linkSpec) snat() []string {
	dev, src := s.dev, s.source
	if dev == "" {
		dev = "${dev " + s.to.String() + "}"
	}
	if src == "" {
		src = "${src " + s.to.String() + "}"
	}
	return []string{"-d", s.to.String() + "/32", "-o", dev, "-p", "tcp", "-m", "tcp", "--dport", port(s.toPort),
		"-m", "conntrack", "--ctstate", "DNAT", "-j", "SNAT", "--to-source", src}
}

func port(n uint16) string { return strconv.Itoa(int(n)) }
