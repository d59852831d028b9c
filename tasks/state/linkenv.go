package state

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// LinkEnv says of which link a file holds the variables, those of docker run --link.
type LinkEnv struct {
	Recipient string   `json:"recipient"`         // the name of the container that has the link
	Alias     string   `json:"alias"`             // under which it knows the source
	Ports     []string `json:"ports,omitempty"`   // 5432/tcp; empty: those that the source exposes
	Address   string   `json:"address,omitempty"` // of the source; "": the one at which the host reaches it
}

// content is the file's.
func (l *LinkEnv) content(view View, of Scope) ([]byte, error) {
	ip, err := l.address(view, of)
	if err != nil {
		return nil, err
	}
	var source Container
	if name, ok := of.Sought(); ok {
		if o, there := view.Get(ContainerKey(name)); there {
			source = o.(Container)
		}
	}
	texts := l.Ports
	if len(texts) == 0 {
		texts = source.Exposed
	}
	ports := make([]LinkPort, 0, len(texts))
	for _, t := range texts {
		p, err := ParseLinkPort(t)
		if err != nil {
			return nil, err
		}
		ports = append(ports, p)
	}
	return LinkVariables(l.Recipient, l.Alias, ip, ports, source.givenEnv(of)), nil
}

// givenEnv is the environment that people gave the container: podman adds its own.
func (c Container) givenEnv(of Scope) []string {
	if sort, _ := of.Split(); sort != "podman" {
		return c.Env
	}
	return slices.DeleteFunc(slices.Clone(c.Env), func(e string) bool {
		return e == "container=podman" || e == "TERM=xterm" || e == "HOSTNAME="+c.Hostname
	})
}

// address is not as the recipient sees it: the file has to be there before that starts.
func (l *LinkEnv) address(view View, of Scope) (netip.Addr, error) {
	if l.Address != "" {
		return netip.ParseAddr(l.Address)
	}
	p, err := Reached(view, HostScope, of, false)
	if err != nil {
		if six, err6 := Reached(view, HostScope, of, true); err6 == nil {
			return six.Addr(), nil
		}
		err = fmt.Errorf("link %s to %s: %w", l.Recipient, l.Alias, err)
	}
	return p.Addr(), err
}

// LinkPort is a port of a link's source: the container's own number, and the one at
// which it is reached, which differ where it is published.
type LinkPort struct {
	Number, Reached int
	Proto           string
}

// ParseLinkPort reads [REACHED:]NUMBER[/PROTO].
func ParseLinkPort(text string) (LinkPort, error) {
	numbers, proto, given := strings.Cut(text, "/")
	reached, number, published := strings.Cut(numbers, ":")
	if !published {
		number = reached
	}
	p := LinkPort{Proto: strings.ToLower(proto)}
	if !given {
		p.Proto = "tcp"
	}
	var err, err2 error
	p.Number, err = strconv.Atoi(number)
	p.Reached, err2 = strconv.Atoi(reached)
	if err != nil || err2 != nil || !slices.Contains([]string{"tcp", "udp", "sctp"}, p.Proto) ||
		min(p.Number, p.Reached) < 1 || max(p.Number, p.Reached) > 65535 {
		return p, fmt.Errorf("%q is not a port of a link: want [REACHED:]PORT[/tcp|udp|sctp]", text)
	}
	return p, nil
}

// LinkVariables are the lines of an env file with the variables that docker run
// --link gave a container. Variables of the source that span lines cannot stand in
// such a file; a comment names them.
func LinkVariables(recipient, alias string, ip netip.Addr, ports []LinkPort, env []string) []byte {
	v := &linkVariables{prefix: LinkPrefix(alias), ip: ip, ports: slices.Clone(ports)}
	sort.SliceStable(v.ports, func(i, j int) bool { return v.ports[i].before(v.ports[j]) })
	v.ports = slices.Compact(v.ports)
	if len(v.ports) > 0 {
		v.add("PORT", v.ports[0].url(ip))
	}
	v.runs()
	for _, p := range v.ports {
		name := fmt.Sprintf("PORT_%d_%s", p.Number, strings.ToUpper(p.Proto))
		v.add(name, p.url(ip))
		v.add(name+"_ADDR", ip.String())
		v.add(name+"_PORT", strconv.Itoa(p.Reached))
		v.add(name+"_PROTO", p.Proto)
	}
	v.add("NAME", "/"+recipient+"/"+alias)
	v.environment(env)
	return []byte(v.out.String())
}

// LinkPrefix is what the names of a link's variables begin with, without the underscore.
func LinkPrefix(alias string) string { return strings.ReplaceAll(strings.ToUpper(alias), "-", "_") }

type linkVariables struct {
	prefix string
	ip     netip.Addr
	ports  []LinkPort
	out    strings.Builder
}

func (v *linkVariables) add(name, value string) {
	fmt.Fprintf(&v.out, "%s_%s=%s\n", v.prefix, name, value)
}

// before sorts tcp first, then the other protocols by name, and then by number.
func (p LinkPort) before(o LinkPort) bool {
	if p.Proto != o.Proto {
		return p.Proto == "tcp" || o.Proto != "tcp" && p.Proto < o.Proto
	}
	return p.Number < o.Number
}

func (p LinkPort) url(ip netip.Addr) string {
	return p.Proto + "://" + net.JoinHostPort(ip.String(), strconv.Itoa(p.Reached))
}

// runs are the variables of ports that follow each other, named by the first one.
func (v *linkVariables) runs() {
	for i := 0; i < len(v.ports); {
		j := i
		for j+1 < len(v.ports) && v.ports[j].next() == v.ports[j+1] {
			j++
		}
		if j > i {
			first, last := v.ports[i], v.ports[j]
			name := fmt.Sprintf("PORT_%d_%s_", first.Number, strings.ToUpper(first.Proto))
			v.add(name+"START", first.url(v.ip))
			v.add(name+"PORT_START", strconv.Itoa(first.Reached))
			v.add(name+"END", last.url(v.ip))
			v.add(name+"PORT_END", strconv.Itoa(last.Reached))
		}
		i = j + 1
	}
}

func (p LinkPort) next() LinkPort { return LinkPort{p.Number + 1, p.Reached + 1, p.Proto} }

// environment adds the source's own variables but for HOME and PATH, sorted: Docker
// gives a container those of its command line in any order.
func (v *linkVariables) environment(env []string) {
	for _, e := range slices.Sorted(slices.Values(env)) {
		name, value, ok := strings.Cut(e, "=")
		switch {
		case !ok || name == "HOME" || name == "PATH" || strings.ContainsAny(name, "\n\r\x00"):
		case strings.ContainsAny(value, "\n\r\x00"):
			fmt.Fprintf(&v.out, "# %s_ENV_%s spans lines\n", v.prefix, name)
		default:
			v.add("ENV_"+name, value)
		}
	}
}
