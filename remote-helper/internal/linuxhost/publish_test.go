//go:build linux

package linuxhost

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"netrun/tasks/laws"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// publishing is a host with a container, which has a neighbour, and a client on
// another network. CLIENT, WEB and PEER stand for names that no other test uses.
const publishing = `
- netns: CLIENT
- netns: WEB
- netns: PEER
- veth: {name: fabric0, peer: eth0, peer_netns: CLIENT, ipv6: true}
- interface: {name: fabric0, state: up}
- interface: {name: eth0, state: up, netns: CLIENT}
- interface: {name: lo, state: up}
- interface: {name: lo, state: up, netns: WEB}
- address: {dev: fabric0, address: [198.18.0.1/24, "fd18::1/64"], nodad: true}
- address: {netns: CLIENT, dev: eth0, address: [198.18.0.2/24, "fd18::2/64"], nodad: true}
- bridge: br1
- address: {dev: br1, address: [10.5.0.1/24, "fd55::1/64"], nodad: true}
- veth: {name: vweb, peer: eth1, peer_netns: WEB, master: br1}
- veth: {name: vpeer, peer: eth1, peer_netns: PEER, master: br1}
- interface: {name: eth1, state: up, netns: WEB}
- interface: {name: eth1, state: up, netns: PEER}
- address: {netns: WEB, dev: eth1, address: [10.5.0.10/24, "fd55::10/64"], nodad: true}
- address: {netns: PEER, dev: eth1, address: [10.5.0.11/24, "fd55::11/64"], nodad: true}
- route: {netns: WEB, to: default, via: 10.5.0.1}
- route: {netns: WEB, to: default, via: "fd55::1"}
- route: {netns: PEER, to: default, via: 10.5.0.1}
- route: {netns: PEER, to: default, via: "fd55::1"}
`

// TestPublishedTraffic sends data to published ports, by TCP and UDP, IPv4 and IPv6,
// past a policy that drops what is forwarded.
func TestPublishedTraffic(t *testing.T) {
	r := newRig(t)
	needIptables(r)
	names := strings.NewReplacer("CLIENT", r.prefix+"c", "WEB", r.prefix+"w", "PEER", r.prefix+"p")
	r.play(names.Replace(publishing))
	for _, program := range []string{"iptables", "ip6tables"} {
		r.output(program, "-P", "FORWARD", "DROP")
		r.output(program, "-N", "DOCKER-USER")
		r.output(program, "-A", "FORWARD", "-j", "DOCKER-USER")
	}
	r.play(names.Replace(`
- publish: {netns: WEB, family: both, ports: ["8080:80", "8080:80/udp", "127.0.0.1:9090:80", 80], name: WEB-1}
- publish: {netns: WEB, ports: ["198.18.0.1:7000-7001:80-81", "9090:80/udp"], name: WEB-2}
`))
	r.serve(r.scope("w"))
	client, web, peer := r.scope("c"), r.scope("w"), r.scope("p")
	for _, c := range []struct {
		from    state.Scope
		network string
		to      string
		refused bool
	}{
		{client, "tcp", "198.18.0.1:8080", false},
		{client, "udp", "198.18.0.1:8080", false},
		{client, "tcp", "[fd18::1]:8080", false},
		{client, "udp", "[fd18::1]:8080", false},
		{client, "tcp", "198.18.0.1:4000", false},
		{client, "tcp", "198.18.0.1:7001", false},
		{client, "udp", "198.18.0.1:9090", false},
		{client, "tcp", "198.18.0.1:9090", true},
		{"", "tcp", "127.0.0.1:8080", false},
		{"", "udp", "127.0.0.1:8080", false},
		{"", "tcp", "127.0.0.1:9090", false},
		{"", "tcp", "127.0.0.1:7000", true},
		{"", "tcp", "198.18.0.1:7000", false},
		{"", "tcp", "198.18.0.1:8080", false},
		{"", "tcp", "[fd18::1]:8080", false},
		{"", "tcp", "[::1]:8080", true},
		{web, "tcp", "198.18.0.1:8080", false},
		{web, "udp", "198.18.0.1:8080", false},
		{web, "tcp", "[fd18::1]:8080", false},
		{peer, "tcp", "198.18.0.1:8080", false},
		{peer, "tcp", "10.5.0.1:8080", false},
		{peer, "tcp", "[fd18::1]:8080", false},
	} {
		err := r.echo(c.from, c.network, c.to)
		for try := 0; err != nil && !c.refused && try < 5; try++ {
			err = r.echo(c.from, c.network, c.to) // neighbours of a new IPv6 network take a while
		}
		if (err != nil) != c.refused {
			t.Errorf("%s %s from %q: got error %v; want one: %v", c.network, c.to, c.from, err, c.refused)
		}
	}
	r.guarded(peer)
}

// guarded wants the host's own 127.0.0.1 to be out of the neighbours' reach, though
// the parameter that published ports need would let them in.
func (r *rig) guarded(peer state.Scope) {
	r.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:6000")
	if err != nil {
		r.Fatal(err)
	}
	defer l.Close()
	go answer(l)
	if err := r.echo("", "tcp", "127.0.0.1:6000"); err != nil {
		r.Fatal(err)
	}
	peerName := strings.TrimPrefix(string(peer), "netns:")
	r.output("ip", "-n", peerName, "address", "flush", "dev", "lo")
	r.output("ip", "-n", peerName, "route", "add", "127.0.0.0/8", "via", "10.5.0.1", "src", "10.5.0.11")
	r.output("nsenter", "--net=/run/netns/"+peerName, "sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")
	if err := r.echo(peer, "tcp", "127.0.0.1:6000"); err == nil {
		r.Error("127.0.0.1 of the host from a neighbour: got an answer; want none")
	}
	r.output("iptables", "-t", "raw", "-F", "NETRUN-LOCALNET")
	if err := r.echo(peer, "tcp", "127.0.0.1:6000"); err != nil {
		r.Errorf("without the guard: got error %v; want an answer, or the guard was not what kept them out", err)
	}
}

// play plans and applies tasks as they stand in a playbook.
func (r *rig) play(text string) {
	r.Helper()
	list, err := laws.Tasks(text, "")
	if err != nil {
		r.Fatal(err)
	}
	p := reconcile.New(r.host, reconcile.Options{})
	if _, err := p.Plan(r.Context(), 1, laws.Wants(list)); err != nil {
		r.Fatal(err)
	}
	if err := p.Apply(r.Context()); err != nil {
		r.Fatal(err)
	}
	if left, err := p.Verify(r.Context()); err != nil || len(left) > 0 {
		r.Fatalf("verify: got %v, error %v; want nothing left", left, err)
	}
}

// serve answers on ports 80 and 81 in the scope until the test ends.
func (r *rig) serve(scope state.Scope) {
	r.Helper()
	err := r.host.In(scope, func() error {
		for _, at := range []string{"[::]:80", "[::]:81"} {
			l, err := net.Listen("tcp", at)
			if err != nil {
				return err
			}
			r.Cleanup(func() { l.Close() })
			go answer(l)
		}
		u, err := net.ListenPacket("udp", "[::]:80")
		if err != nil {
			return err
		}
		r.Cleanup(func() { u.Close() })
		go func() {
			for buffer := make([]byte, 100); ; {
				n, from, err := u.ReadFrom(buffer)
				if err != nil {
					return
				}
				if _, err := u.WriteTo(buffer[:n], from); err != nil {
					return
				}
			}
		}()
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
}

// answer sends back what comes in until the listener is closed.
func answer(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			_, _ = io.Copy(conn, conn)
		}()
	}
}

// echo sends a line from the scope, and wants it back.
func (r *rig) echo(from state.Scope, network, to string) error {
	return r.host.In(from, func() error {
		conn, err := net.DialTimeout(network, to, 2*time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
		if _, err := conn.Write([]byte("hello")); err != nil {
			return err
		}
		buffer := make([]byte, 5)
		if _, err := io.ReadFull(conn, buffer); err != nil {
			return err
		}
		if string(buffer) != "hello" {
			return fmt.Errorf("got %q back", buffer)
		}
		return nil
	})
}
