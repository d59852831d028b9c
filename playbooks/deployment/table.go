package deployment

import (
	"net"
	"net/netip"
	"strconv"

	"netrun/inventory/diag"
)

var (
	loopback        = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	defaultNonLocal = netip.AddrFrom4([4]byte{192, 168, 1, 1})
)

// table is the local addresses that are taken, for the whole deployment: so an address means
// the same to every container.
type table struct {
	used  map[Target]bool
	steps map[Target]int    // of a first address and a port: how many addresses are taken
	ports map[string]*ports // of an address at which ports are stepped
}

// take takes an address and reports whether it was free.
func (t *table) take(a Target) bool {
	if t.used[a] {
		return false
	}
	t.used[a] = true
	if p := t.ports[a.Host]; p != nil {
		p.take(a.Port)
	}
	return true
}

// stepAddress takes the first free address, from base on, with the port.
func (t *table) stepAddress(base netip.Addr, port int) (Target, bool) {
	hint := Target{base.String(), port}
	for i := t.steps[hint]; i < addresses; i++ {
		a := Target{address(base, i).String(), port}
		if t.take(a) {
			t.steps[hint] = i + 1
			return a, true
		}
	}
	t.steps[hint] = addresses
	return Target{}, false
}

// octets are the values of the last octet, 1 to 254: 0 and 255 often mean a network.
const (
	octets    = 254
	addresses = octets * 256
)

// address is i steps after base, whose last octet is 1 to 254.
func address(base netip.Addr, i int) netip.Addr {
	b := base.As4()
	n := int(b[3]) - 1 + i
	b[3] = byte(n%octets + 1)
	b[2] += byte(n / octets)
	return netip.AddrFrom4(b)
}

// firstAgain is where the search goes on after the highest port.
const firstAgain = 40000

// stepPort takes the first free port at the address, from the given one up to the highest, and
// then from 40000 on. geard gives out 65536 before it goes back.
func (t *table) stepPort(base netip.Addr, from int) (Target, bool) {
	p := t.portsAt(base.String())
	port := p.free(from)
	if port > maxPort {
		port = p.free(firstAgain)
	}
	if port > maxPort {
		return Target{}, false
	}
	a := Target{base.String(), port}
	return a, t.take(a)
}

func (t *table) portsAt(host string) *ports {
	p := t.ports[host]
	if p == nil {
		p = &ports{}
		for a := range t.used {
			if a.Host == host {
				p.take(a.Port)
			}
		}
		t.ports[host] = p
	}
	return p
}

// ports finds free ports in nearly constant time, however long the run of taken ones is: each
// taken port knows a higher one from which to go on (a union-find). 0 is a free port.
type ports [maxPort + 1]int32

func (p *ports) take(port int) {
	if port >= 0 && port <= maxPort && p[port] == 0 {
		p[port] = int32(port) + 1
	}
}

// free is the first free port from the given one on, or maxPort+1.
func (p *ports) free(from int) int {
	end := from
	for end <= maxPort && p[end] != 0 {
		end = int(p[end])
	}
	for from < end {
		next := int(p[from])
		p[from] = int32(end)
		from = next
	}
	return end
}

// reserve gives each port that is linked its local address, the most demanding links first.
func (r *resolver) reserve() error {
	base, err := r.options.nonLocal()
	if err != nil {
		return err
	}
	t, err := r.newTable()
	if err != nil {
		return err
	}
	for _, e := range r.edges {
		first := loopback
		if e.NonLocal {
			first = base
		}
		for _, p := range e.AliasPorts {
			if err := t.reserve(e, p, first); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o Options) nonLocal() (netip.Addr, error) {
	a := o.NonLocal
	if !a.IsValid() {
		return defaultNonLocal, nil
	}
	if !a.Is4() || a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() {
		return a, diag.Errorf(diag.Pos{}, "%s is no address for non-local links", a).WithHint("an IPv4 address such as 192.168.1.1")
	}
	if last := a.As4()[3]; last == 0 || last == 255 {
		return a, diag.Errorf(diag.Pos{}, "%s is no address for non-local links", a).WithHint("its last number is between 1 and 254")
	}
	return a, nil
}

// newTable has the addresses of kept instances.
func (r *resolver) newTable() (*table, error) {
	t := &table{used: map[Target]bool{}, steps: map[Target]int{}, ports: map[string]*ports{}}
	for _, g := range r.groups {
		for _, m := range g.members {
			for _, p := range m.Ports {
				if p.Target.set() && !t.take(p.Target) {
					at := net.JoinHostPort(p.Target.Host, strconv.Itoa(p.Target.Port))
					return nil, diag.Errorf(m.Pos, "deployment: The port %s is assigned to multiple instances (last: %s)", at, m.ID)
				}
			}
		}
	}
	return t, nil
}

// reserve gives one port of a link's targets their addresses, from the first one on.
func (t *table) reserve(e *edge, p Port, first netip.Addr) error {
	want, same := p.Internal, e.MatchPort
	if p.External != 0 {
		want, same = p.External, true
	}
	if want < 1 || want > maxPort {
		return diag.Errorf(e.Pos, "port %d on link %s: a port is between 1 and %d", want, e, maxPort)
	}
	step := t.stepPort
	if same {
		step = t.stepAddress
	}
	for _, m := range e.to.members {
		have := m.port(p.Internal)
		if have.Target.set() {
			if err := e.shares(m.ID, p, have.Target); err != nil {
				return err
			}
			continue
		}
		target, ok := step(first, want)
		if !ok {
			return diag.Errorf(e.Pos, "no local address is left for port %d of %s on link %s", p.Internal, m.ID, e)
		}
		have.Target = target
	}
	return nil
}

// shares wants an address that a port has already to do for a link too. An alias goes before
// MatchPort here, as it does when the address is chosen: in geard it does not, and a second
// deployment refuses what the first one chose.
func (e *edge) shares(id string, p Port, have Target) error {
	reset := func(err *diag.Error) error {
		return err.WithHint("it is at %s:%d now; take the Target of port %d of instance %s out of the file, and it gets a new address", have.Host, have.Port, p.Internal, id)
	}
	switch {
	case e.NonLocal && have.local():
		return reset(diag.Errorf(e.Pos, "deployment: A local host IP is already bound to non-local link %s, needs to be reset.", e))
	case e.MatchPort && p.External == 0 && have.Port != p.Internal:
		return reset(diag.Errorf(e.Pos, "deployment: The internal and shared ports are not the same for an instance %s on link %s, needs to be reset.", id, e))
	case p.External != 0 && have.Port != p.External:
		return reset(diag.Errorf(e.Pos, "deployment: The internal and requested shared ports are not the same for an instance %s on link %s, needs to be reset.", id, e))
	}
	return nil
}

// local reports whether the address is this machine to every container. geard knows 127.0.0.1
// only, and so takes the second address of a local link for a non-local one.
func (t Target) local() bool {
	a, err := netip.ParseAddr(t.Host)
	return t.Host == "" || t.Host == "localhost" || err == nil && a.IsLoopback()
}
