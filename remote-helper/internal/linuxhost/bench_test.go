//go:build linux

package linuxhost

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// The size of the benchmark: veth pairs from one bridge into namespaces, each
// with an address inside.
const (
	benchPorts  = 1000
	benchSpaces = 100
)

// benchNet is the network that is built, by the Host or by a bare loop.
type benchNet struct {
	prefix string
}

func newBenchNet(b *testing.B) *benchNet {
	enterNewNamespace(b)
	random := make([]byte, 4)
	rand.Read(random)
	n := &benchNet{prefix: "nrb" + hex.EncodeToString(random)}
	b.Cleanup(n.dropSpaces)
	return n
}

func (n *benchNet) space(i int) string      { return fmt.Sprintf("%s-%d", n.prefix, i%benchSpaces) }
func (n *benchNet) port(i int) string       { return fmt.Sprintf("vb%d", i) }
func (n *benchNet) inside(i int) string     { return fmt.Sprintf("e%d", i/benchSpaces) }
func (n *benchNet) mac(i int) string        { return fmt.Sprintf("02:00:00:00:%02x:%02x", i>>8, i&255) }
func (n *benchNet) scope(i int) state.Scope { return state.NetnsScope(n.space(i)) }

func (n *benchNet) address(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i / benchSpaces), byte(i % benchSpaces), 1}), 16)
}

func (n *benchNet) addSpaces(b *testing.B, h *Host) {
	var changes []state.Change
	for i := range benchSpaces {
		changes = append(changes, state.Change{Op: state.Create, After: state.Netns{Name: n.space(i)}})
	}
	if err := h.Apply(context.Background(), changes); err != nil {
		b.Fatal(err)
	}
}

func (n *benchNet) dropSpaces() {
	for i := range benchSpaces {
		unix.Unmount("/run/netns/"+n.space(i), unix.MNT_DETACH)
		os.Remove("/run/netns/" + n.space(i))
	}
}

// changes are what a play makes of it: pairs in their final places, the bridge's
// side without IPv6, the inner side with a MAC and an address, all up.
func (n *benchNet) changes() []state.Change {
	var out []state.Change
	create := func(o state.Object) {
		out = append(out, state.Change{Op: state.Create, After: state.Mark(o, "netrun")})
	}
	create(state.Link{Name: "br0", Type: "bridge", State: "up"})
	for i := range benchPorts {
		create(state.Link{Name: n.port(i), Type: "veth", State: "up", IPv6: "off", MTU: 1450, Peer: n.inside(i), PeerScope: n.scope(i)})
	}
	for i := range benchPorts {
		before := state.Link{Scope: n.scope(i), Name: n.inside(i), Type: "veth", State: "down", Peer: n.port(i)}
		after := before
		after.State, after.MAC = "up", n.mac(i)
		out = append(out, state.Change{Op: state.Update, Before: before, After: after})
	}
	for i := range benchPorts {
		create(state.Member{Link: n.port(i), Bridge: "br0"})
	}
	for i := range benchPorts {
		create(state.Address{Scope: n.scope(i), Link: n.inside(i), Prefix: n.address(i)})
	}
	return out
}

func (n *benchNet) keys() []state.Key {
	var keys []state.Key
	for _, c := range n.changes() {
		keys = append(keys, c.Key())
	}
	for i := range benchSpaces {
		keys = append(keys, state.Netns{Name: n.space(i)}.Key())
	}
	return keys
}

// teardown deletes bridge and ports, so that the next round finds nothing.
func (n *benchNet) teardown(b *testing.B, h *Host) {
	b.Helper()
	changes := []state.Change{{Op: state.Delete, Before: state.Link{Name: "br0"}}}
	for i := range benchPorts {
		changes = append(changes, state.Change{Op: state.Delete, Before: state.Link{Name: n.port(i)}})
	}
	if err := h.Apply(context.Background(), changes); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkApply1000Ports(b *testing.B) {
	n := newBenchNet(b)
	h := New(Config{})
	defer h.Close()
	n.addSpaces(b, h)
	changes := n.changes()
	for b.Loop() {
		if err := h.Apply(context.Background(), changes); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		n.teardown(b, h)
		b.StartTimer()
	}
}

// BenchmarkBare1000Ports does the same with the library's calls and nothing else.
func BenchmarkBare1000Ports(b *testing.B) {
	n := newBenchNet(b)
	h := New(Config{})
	defer h.Close()
	n.addSpaces(b, h)
	for b.Loop() {
		if err := n.bare(); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		n.teardown(b, h)
		b.StartTimer()
	}
}

// bareSpace is an open namespace of the bare loop.
type bareSpace struct {
	fd     netns.NsHandle
	handle *netlink.Handle
}

func (n *benchNet) bare() error {
	host, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer host.Close()
	var spaces []bareSpace
	for i := range benchSpaces {
		fd, err := netns.GetFromPath("/run/netns/" + n.space(i))
		if err != nil {
			return err
		}
		defer fd.Close()
		handle, err := netlink.NewHandleAt(fd, unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer handle.Close()
		spaces = append(spaces, bareSpace{fd, handle})
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}
	if err := host.LinkAdd(bridge); err != nil {
		return err
	}
	if err := host.LinkSetUp(bridge); err != nil {
		return err
	}
	for i := range benchPorts {
		if err := n.barePort(host, bridge, i, spaces[i%benchSpaces]); err != nil {
			return fmt.Errorf("port %d: %w", i, err)
		}
	}
	return nil
}

func (n *benchNet) barePort(host *netlink.Handle, bridge *netlink.Bridge, i int, sp bareSpace) error {
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: n.port(i), MTU: 1450}, PeerName: n.inside(i), PeerNamespace: netlink.NsFd(sp.fd)}
	if err := host.LinkAdd(veth); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+n.port(i)+"/disable_ipv6", []byte("1"), 0); err != nil {
		return err
	}
	if err := host.LinkSetAlias(veth, "netrun"); err != nil {
		return err
	}
	if err := host.LinkSetUp(veth); err != nil {
		return err
	}
	if err := host.LinkSetMaster(veth, bridge); err != nil {
		return err
	}
	inner, err := sp.handle.LinkByName(n.inside(i))
	if err != nil {
		return err
	}
	mac, err := net.ParseMAC(n.mac(i))
	if err != nil {
		return err
	}
	if err := sp.handle.LinkSetHardwareAddr(inner, mac); err != nil {
		return err
	}
	if err := sp.handle.LinkSetUp(inner); err != nil {
		return err
	}
	return sp.handle.AddrAdd(inner, &netlink.Addr{IPNet: &net.IPNet{IP: n.address(i).Addr().AsSlice(), Mask: net.CIDRMask(16, 32)}})
}

func BenchmarkObserve1000Ports(b *testing.B) {
	n := newBenchNet(b)
	h := New(Config{})
	defer h.Close()
	n.addSpaces(b, h)
	if err := h.Apply(context.Background(), n.changes()); err != nil {
		b.Fatal(err)
	}
	keys := n.keys()
	for b.Loop() {
		got, err := h.Observe(context.Background(), keys)
		if err != nil {
			b.Fatal(err)
		}
		if len(got.All(state.KindMember, "")) != benchPorts {
			b.Fatalf("got %d members; want %d", len(got.All(state.KindMember, "")), benchPorts)
		}
	}
}

// BenchmarkLinkDump is the limit of observing links: the kernel's own work, with
// and without statistics.
func BenchmarkLinkDump(b *testing.B) {
	n := newBenchNet(b)
	h := New(Config{})
	defer h.Close()
	n.addSpaces(b, h)
	if err := h.Apply(context.Background(), n.changes()); err != nil {
		b.Fatal(err)
	}
	for name, mask := range map[string]uint32{"plain": 0, "no-stats": rtextSkipStats} {
		b.Run(name, func(b *testing.B) {
			sock, err := nl.Subscribe(unix.NETLINK_ROUTE)
			if err != nil {
				b.Fatal(err)
			}
			defer sock.Close()
			s, err := h.open(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			defer s.close()
			sp, err := s.space(state.HostScope)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				req := sp.request(unix.RTM_GETLINK, unix.NLM_F_DUMP)
				req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
				req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(mask)))
				if _, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
