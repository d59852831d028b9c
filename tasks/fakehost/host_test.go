package fakehost_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks/fakehost"
	"netrun/tasks/state"
)

var (
	br0     = state.Link{Name: "br0", Type: "bridge", State: "up"}
	veth    = state.Link{Name: "v0", Type: "veth", State: "up", Peer: "eth0", PeerScope: "netns:blue"}
	blue    = state.Netns{Name: "blue"}
	member  = state.Member{Link: "v0", Bridge: "br0"}
	address = state.Address{Link: "br0", Prefix: netip.MustParsePrefix("10.0.0.1/24")}
	six     = state.Address{Link: "br0", Prefix: netip.MustParsePrefix("fd00::1/64")}
	route   = state.Route{Dst: netip.MustParsePrefix("10.9.0.0/16"), Via: "10.0.0.9", Dev: "br0"}
	table   = state.Table{Family: 4, Name: "nat"}
	chain   = state.Chain{Family: 4, Table: "nat", Name: "NETRUN-X"}
	jump    = state.Jump{Family: 4, Table: "nat", From: "OUTPUT", To: "NETRUN-X"}
	file    = state.File{Path: "/etc/motd", Type: "file"}.WithContent([]byte("hello\n"))
)

func apply(h *fakehost.Host, op state.Op, objects ...state.Object) error {
	for _, o := range objects {
		c := state.Change{Op: op, After: o}
		if op == state.Delete {
			c = state.Change{Op: op, Before: o}
		}
		if op == state.Update {
			have, err := h.Observe(context.Background(), []state.Key{o.Key()})
			if err != nil {
				return err
			}
			if before, ok := have.Get(o.Key()); ok {
				c.Before, c.Fields = before, state.Diff(o, before)
			}
		}
		if err := h.Apply(context.Background(), []state.Change{c}); err != nil {
			return err
		}
	}
	return nil
}

func TestRefusals(t *testing.T) {
	down := br0
	down.State = "down"
	for _, test := range []struct {
		name   string
		before []state.Object
		op     state.Op
		object state.Object
		want   error
	}{
		{"link twice", []state.Object{br0}, state.Create, br0, fakehost.ErrExists},
		{"peer is there", []state.Object{blue, state.Link{Scope: "netns:blue", Name: "eth0", Type: "bridge"}}, state.Create, veth, fakehost.ErrExists},
		{"peer's namespace is not there", nil, state.Create, veth, fakehost.ErrNotFound},
		{"address of no link", nil, state.Create, address, fakehost.ErrNoDevice},
		{"IPv6 switched off", []state.Object{state.Link{Name: "br0", Type: "bridge", IPv6: "off"}}, state.Create, six, fakehost.ErrDenied},
		{"gateway out of reach", []state.Object{br0}, state.Create, route, fakehost.ErrUnreachable},
		{"gateway is the host's own", []state.Object{br0, address}, state.Create, state.Route{Dst: route.Dst, Via: "10.0.0.1", Dev: "br0"}, fakehost.ErrUnreachable},
		{"link is down", []state.Object{down, address}, state.Create, route, fakehost.ErrDown},
		{"source is not the host's", []state.Object{br0, address}, state.Create, state.Route{Dst: route.Dst, Via: "10.0.0.9", Dev: "br0", Src: "10.0.0.7"}, fakehost.ErrInvalid},
		{"port of what is no bridge", []state.Object{blue, veth, state.Link{Name: "m0", Type: "macvlan", Parent: "v0"}}, state.Create, state.Member{Link: "m0", Bridge: "v0"}, fakehost.ErrUnsupported},
		{"bridge in a bridge", []state.Object{br0, state.Link{Name: "br1", Type: "bridge"}}, state.Create, state.Member{Link: "br1", Bridge: "br0"}, fakehost.ErrInvalid},
		{"chain without its table", nil, state.Create, chain, fakehost.ErrNotFound},
		{"jump from nowhere", []state.Object{table, chain}, state.Create, state.Jump{Family: 4, Table: "nat", From: "DOCKER", To: "NETRUN-X"}, fakehost.ErrNotFound},
		{"chain in use", []state.Object{table, chain, jump}, state.Delete, chain, fakehost.ErrBusy},
		{"table in use", []state.Object{table, chain}, state.Delete, table, fakehost.ErrBusy},
		{"hardware", []state.Object{state.Link{Name: "enp1s0", Type: "device"}}, state.Delete, state.Link{Name: "enp1s0"}, fakehost.ErrUnsupported},
		{"no such parameter", nil, state.Create, state.Sysctl{Name: "net/no", Value: "1"}, fakehost.ErrNotFound},
		{"no folder", nil, state.Create, state.File{Path: "/etc/x/y", Type: "file"}, fakehost.ErrNotFound},
		{"folder in use", []state.Object{state.File{Path: "/etc/x", Type: "directory"}, state.File{Path: "/etc/x/y", Type: "file"}}, state.Delete, state.File{Path: "/etc/x"}, fakehost.ErrNotEmpty},
		{"type of a link", []state.Object{br0}, state.Update, state.Link{Name: "br0", Type: "vxlan"}, fakehost.ErrUnsupported},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := fakehost.New(test.before...)
			before := h.Snapshot()
			err := apply(h, test.op, test.object)
			var at *state.ApplyError
			if !errors.Is(err, test.want) || !errors.As(err, &at) {
				t.Errorf("got %v; want an ApplyError of %v", err, test.want)
			}
			if diff := cmp.Diff(before, h.Snapshot()); diff != "" {
				t.Errorf("a refused change changed the host (-before +after):\n%s", diff)
			}
		})
	}
}

// TestWhatComesAndGoes lists, for a change, what the host has more and less.
func TestWhatComesAndGoes(t *testing.T) {
	up := state.Link{Name: "br0", State: "down"}
	for _, test := range []struct {
		name   string
		before []state.Object
		op     state.Op
		object state.Object
		want   string
	}{
		{"namespace brings lo", nil, state.Create, blue, "+netns blue +link lo in netns:blue"},
		{"veth brings its peer", []state.Object{blue}, state.Create, veth, "+link v0 +link eth0 in netns:blue"},
		{"namespace takes the peer along", []state.Object{blue, br0, veth, member}, state.Delete, blue,
			"-netns blue -link v0 -link eth0 in netns:blue -link lo in netns:blue -member v0"},
		{"bridge leaves its ports", []state.Object{blue, br0, veth, member, address, route}, state.Delete, br0,
			"-link br0 -member v0 -address br0 10.0.0.1/24 -route 10.9.0.0/16"},
		{"down takes routes and IPv6", []state.Object{br0, address, six, route}, state.Update, up,
			"-address br0 fd00::1/64 -route 10.9.0.0/16"},
		{"last address takes the routes", []state.Object{br0, address, six, route}, state.Delete, address,
			"-address br0 10.0.0.1/24 -route 10.9.0.0/16"},
		{"IPv6 off takes its addresses", []state.Object{br0, address, six}, state.Update, state.Sysctl{Name: "net/ipv6/conf/br0/disable_ipv6", Value: "1"},
			"-address br0 fd00::1/64"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := fakehost.New(test.before...)
			before := keys(h)
			if err := apply(h, test.op, test.object); err != nil {
				t.Fatal(err)
			}
			if got := compare(before, keys(h)); got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
}

// keys are the objects of the host but for parameters, in the order of the snapshot.
func keys(h *fakehost.Host) []string {
	var out []string
	for _, line := range strings.Split(h.Snapshot(), "\n") {
		if line == "" || strings.HasPrefix(line, "sysctl ") || strings.HasPrefix(line, "offload ") || strings.HasPrefix(line, "port-vlan ") {
			continue
		}
		words := strings.Fields(line)
		n := len(words)
		for i, w := range words {
			if strings.Contains(w, "=") {
				n = i
				break
			}
		}
		out = append(out, strings.Join(words[:n], " "))
	}
	return out
}

func compare(before, after []string) string {
	var out []string
	minus := func(sign string, a, b []string) {
		have := map[string]bool{}
		for _, x := range b {
			have[x] = true
		}
		for _, x := range a {
			if !have[x] {
				out = append(out, sign+x)
			}
		}
	}
	minus("-", before, after)
	minus("+", after, before)
	return strings.Join(out, " ")
}

func TestForwardingReachesEveryLink(t *testing.T) {
	h := fakehost.New(br0)
	if err := apply(h, state.Update, state.Sysctl{Name: "net/ipv4/ip_forward", Value: "1"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"all", "default", "lo", "br0"} {
		if want := "net/ipv4/conf/" + name + "/forwarding value=1"; !strings.Contains(h.Snapshot(), want) {
			t.Errorf("got no %q in\n%s", want, h.Snapshot())
		}
	}
	if err := apply(h, state.Create, state.Link{Name: "br1", Type: "bridge"}); err != nil {
		t.Fatal(err)
	}
	if want := "net/ipv4/conf/br1/forwarding value=1"; !strings.Contains(h.Snapshot(), want) {
		t.Errorf("a new link does not take after default: no %q", want)
	}
}

func TestContentComesBackByItsChecksum(t *testing.T) {
	h := fakehost.New(file)
	if err := apply(h, state.Delete, file); err != nil {
		t.Fatal(err)
	}
	bare := file
	bare.Content = nil
	if err := apply(h, state.Create, bare); err != nil {
		t.Fatal(err)
	}
	got, err := h.Observe(context.Background(), []state.Key{file.Key()})
	if err != nil {
		t.Fatal(err)
	}
	o, _ := got.Get(file.Key())
	if content := string(o.(state.File).Content); content != "hello\n" {
		t.Errorf("got %q; want the content that was there before", content)
	}
}

func TestFail(t *testing.T) {
	h := fakehost.New()
	h.Fail(2)
	err := h.Apply(context.Background(), []state.Change{{Op: state.Create, After: br0}, {Op: state.Create, After: address}, {Op: state.Create, After: six}})
	var at *state.ApplyError
	if !errors.Is(err, fakehost.ErrInjected) || !errors.As(err, &at) || at.Index != 1 || h.Writes() != 2 {
		t.Fatalf("got %v after %d writes; want the injected failure at index 1, after 2", err, h.Writes())
	}
	if err := apply(h, state.Create, address); err != nil {
		t.Errorf("after the failure: %v; want it to happen once", err)
	}
}
