//go:build linux

package linuxhost

import (
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// TestForwardingKeepsTheAdvertisedRoute makes a host that learned its default route from
// a router's advertisement forward IPv6: with accept_ra set first, the route stays.
func TestForwardingKeepsTheAdvertisedRoute(t *testing.T) {
	forward := state.Sysctl{Name: "net/ipv6/conf/all/forwarding", Value: "1"}
	for _, test := range []struct {
		name  string
		wants []state.Want
		stays bool
	}{
		{"forwarding alone", state.Present(forward), false},
		{"accept_ra first", state.Present(state.AcceptRA("", "up0"), state.KeepRA{}, forward), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := kernel(t, t.TempDir())
			must(t, h, state.Present(state.Netns{Name: "router"},
				state.Link{Name: "up0", Type: "veth", State: "up", IPv6: "on", Peer: "r0", PeerScope: "netns:router"},
				state.Link{Scope: "netns:router", Name: "r0", State: "up"}))
			advertise(t, h, "r0")
			before := defaultRoute(t, h)
			if !strings.Contains(before, "proto ra") {
				t.Fatalf("after an advertisement: got default routes %q; want one by proto ra", before)
			}
			undo := must(t, h, test.wants)
			if after := defaultRoute(t, h); strings.Contains(after, "proto ra") != test.stays {
				t.Errorf("forwarding: got default routes %q; want the learned one to stay: %v", after, test.stays)
			}
			if err := undo.Undo(t.Context()); err != nil {
				t.Fatal(err)
			}
			if value, err := readSysctl("net/ipv6/conf/up0/accept_ra"); err != nil || value != "1" {
				t.Errorf("accept_ra after undo: got %q, %v; want 1", value, err)
			}
		})
	}
}

func must(t *testing.T, h *Host, wants []state.Want) *reconcile.Planner {
	t.Helper()
	p := reconcile.New(h, reconcile.Options{})
	if _, err := p.Plan(t.Context(), 1, wants); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// advertise sends router advertisements from the link until the host has learned a route.
func advertise(t *testing.T, h *Host, link string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(defaultRoute(t, h), "proto ra") {
		if time.Now().After(deadline) {
			t.Fatal("no advertisement got through within 10 s")
		}
		err := h.In("netns:router", func() error { return sendAdvertisement(link) })
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) { // the link's own address is tentative for a while
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// sendAdvertisement is one to all nodes, of a default router for half an hour (RFC 4861, 4.2).
func sendAdvertisement(link string) error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	of, err := net.InterfaceByName(link)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255); err != nil {
		return err
	}
	advertisement := []byte{134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0}
	all := &unix.SockaddrInet6{Addr: [16]byte{0: 0xff, 1: 0x02, 15: 1}, ZoneId: uint32(of.Index)}
	return unix.Sendto(fd, advertisement, 0, all)
}

func defaultRoute(t *testing.T, h *Host) string {
	t.Helper()
	var out []byte
	err := h.In("", func() (err error) {
		out, err = exec.Command("ip", "-6", "route", "show", "default").CombinedOutput()
		return err
	})
	if err != nil {
		t.Fatalf("ip -6 route: %v: %s", err, out)
	}
	return string(out)
}
