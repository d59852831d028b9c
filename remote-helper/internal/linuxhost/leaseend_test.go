//go:build linux

package linuxhost

import (
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"netrun/tasks/state"
)

// server answers as the test says, so that what takes others minutes takes seconds.
type server struct {
	own, gives string
	knows      bool // leases that others gave
}

// serve runs the server until the end of the test. What it hears goes to heard.
func (n *lan) serve(s *atomic.Pointer[server], heard *atomic.Int64) {
	n.Helper()
	n.output("ip", "route", "add", "255.255.255.255", "dev", "v0")
	var sock net.PacketConn
	err := n.host.In(state.HostScope, func() (err error) {
		sock, err = net.ListenPacket("udp4", ":67")
		return err
	})
	if err != nil {
		n.Fatal(err)
	}
	ended := make(chan struct{})
	n.Cleanup(func() { sock.Close(); <-ended })
	go func() {
		defer close(ended)
		buf := make([]byte, 1500)
		for {
			size, _, err := sock.ReadFrom(buf)
			if err != nil {
				return
			}
			heard.Add(1)
			m, err := dhcpv4.FromBytes(buf[:size])
			if err != nil {
				continue
			}
			if a := s.Load().answer(m); a != nil {
				to := net.IPv4bcast
				if !m.ClientIPAddr.IsUnspecified() {
					to = m.ClientIPAddr
				}
				sock.WriteTo(a.ToBytes(), &net.UDPAddr{IP: to, Port: 68})
			}
		}
	}()
}

func (s *server) answer(m *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
	own, gives := net.ParseIP(s.own).To4(), net.ParseIP(s.gives).To4()
	kind := dhcpv4.MessageTypeOffer
	if m.MessageType() == dhcpv4.MessageTypeRequest {
		kind = dhcpv4.MessageTypeAck
		if known := m.ClientIPAddr.IsUnspecified() || m.ClientIPAddr.Equal(gives); !known {
			kind = dhcpv4.MessageTypeNak
		} else if !m.ClientIPAddr.IsUnspecified() && !s.knows {
			return nil
		}
	}
	four := func(code dhcpv4.OptionCode, n byte) dhcpv4.Modifier {
		return dhcpv4.WithGeneric(code, []byte{0, 0, 0, n})
	}
	a, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(kind), dhcpv4.WithYourIP(gives), dhcpv4.WithNetmask(net.CIDRMask(24, 32)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(own)), dhcpv4.WithOption(dhcpv4.OptRouter(own)), dhcpv4.WithLeaseTime(30),
		four(dhcpv4.OptionRenewTimeValue, 1), four(dhcpv4.OptionRebindingTimeValue, 3))
	if err != nil {
		panic(err)
	}
	return a
}

// A server that gives out other addresses now says so when it is asked again.
func TestLeaseIsTakenBack(t *testing.T) {
	n := newLAN(t)
	var s atomic.Pointer[server]
	var heard atomic.Int64
	s.Store(&server{own: "10.77.0.1", gives: "10.77.0.50", knows: true})
	n.serve(&s, &heard)
	n.create(n.lease())
	before, _ := n.client()
	s.Store(&server{own: "10.77.0.1", gives: "10.77.0.100", knows: true})
	n.within(5*time.Second, "another address", func() bool {
		r, there := n.client()
		return there && r.Process == before.Process && r.Lease != nil && r.Lease.Address == prefix("10.77.0.100/24")
	})
	if got := n.inside("ip -4 -o addr show eth1"); strings.Count(got, "inet ") != 1 {
		t.Errorf("got %q; want the new address only", got)
	}
	n.wantInside("ip route", "src 10.77.0.100")
}

// When its server does not answer, a client asks whoever is there.
func TestLeaseOfAnotherServer(t *testing.T) {
	n := newLAN(t)
	var s atomic.Pointer[server]
	var heard atomic.Int64
	s.Store(&server{own: "10.77.0.1", gives: "10.77.0.50"})
	n.serve(&s, &heard)
	n.create(n.lease())
	before, _ := n.client()
	so := heard.Load()
	n.within(4*time.Second, "asked again", func() bool { return heard.Load() > so })
	s.Store(&server{own: "10.77.0.2", gives: "10.77.0.50", knows: true})
	n.within(10*time.Second, "the other server's lease", func() bool {
		r, there := n.client()
		return there && r.Lease != nil && r.Lease.Server == netip.MustParseAddr("10.77.0.2")
	})
	if after, _ := n.client(); after.Lease.Address != before.Lease.Address || after.Process != before.Process {
		t.Errorf("got %s; want %s to stay", after.Lease.Address, before.Lease.Address)
	}
	n.wantInside("ip route", "default via 10.77.0.2")
}

// A client ends with what it is there for: else it would keep the namespace.
func TestClientEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(n *lan)
	}{
		{"link", func(n *lan) { n.output("ip", "link", "del", "v0") }},
		{"namespace", func(n *lan) { n.output("ip", "netns", "del", strings.TrimPrefix(string(n.in), "netns:")) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newLAN(t)
			n.udhcpd("option lease 60")
			n.create(n.lease())
			client, _ := n.client()
			test.end(n)
			n.within(time.Second, "the client's end", func() bool { return !client.Process.Lives() })
			n.within(time.Second, "its record's end", func() bool { _, there := n.client(); return !there })
		})
	}
}

// A container is known by its first process.
func TestClientEndsWithTheContainer(t *testing.T) {
	n := newLAN(t)
	n.udhcpd("option lease 60")
	_, name := n.in.Split()
	first := exec.Command("nsenter", "--net=/run/netns/"+name, "sleep", "60")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() { first.Process.Kill(); first.Wait() }
	defer end()
	time.Sleep(50 * time.Millisecond) // until nsenter is where it goes
	n.in = state.PidScope(strconv.Itoa(first.Process.Pid))
	n.create(n.lease())
	client, _ := n.client()
	end()
	n.within(time.Second, "the client's end", func() bool { return !client.Process.Lives() })
}
