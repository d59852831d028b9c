package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// network is the switching side of a lab: the management bridge in the
// machine's namespace and the switches in the fabric's.
type network struct {
	rec      *record
	mgmt     int // index of the management bridge
	fabric   *netlink.Handle
	switches map[string]int // index of each switch in the fabric
}

func (n *network) close() {
	if n.fabric != nil {
		n.fabric.Close()
	}
}

// addManagement makes the bridge through which the machine reaches its hosts.
// Two labs that start at once take turns in choosing a subnet.
func (n *network) addManagement(cfg Config) error {
	unlock, err := lockSubnets()
	if err != nil {
		return err
	}
	defer unlock()
	if err := n.subnet(cfg); err != nil {
		return err
	}
	attrs := netlink.LinkAttrs{
		Name: n.rec.Bridge, Group: n.rec.Group, TxQLen: -1, HardwareAddr: n.rec.mac(),
		Alias: fmt.Sprintf("netrun lab %s (%s)", n.rec.Name, n.rec.Dir),
	}
	br := bridge(attrs)
	if err := netlink.LinkAdd(br); err != nil {
		return fmt.Errorf("add bridge %q: %w", n.rec.Bridge, err)
	}
	n.mgmt = br.Index
	if err := setSysctl("net/ipv6/conf/"+n.rec.Bridge+"/disable_ipv6", "1"); err != nil {
		return err
	}
	addr := netip.PrefixFrom(n.rec.gateway(), n.rec.Subnet.Bits())
	if err := netlink.AddrAdd(br, &netlink.Addr{IPNet: ipNet(addr)}); err != nil {
		return fmt.Errorf("add address %s to bridge %q: %w", addr, n.rec.Bridge, err)
	}
	if err := netlink.LinkSetUp(br); err != nil {
		return fmt.Errorf("set bridge %q up: %w", n.rec.Bridge, err)
	}
	return nil
}

// mac keeps the bridge's address from changing with its ports, which would
// leave stale neighbours on the hosts.
func (r *record) mac() net.HardwareAddr {
	return net.HardwareAddr{0x02, byte(r.Group >> 24), byte(r.Group >> 16), byte(r.Group >> 8), byte(r.Group), 0x01}
}

func bridge(attrs netlink.LinkAttrs) *netlink.Bridge {
	snooping := false // no querier, so snooping would only drop what a real dumb switch floods
	return &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
}

// lockSubnets holds the directory of named namespaces, so that no file is left behind.
func lockSubnets() (func(), error) {
	if err := os.MkdirAll(netnsDir, 0o755); err != nil {
		return nil, fmt.Errorf("lock subnets: %w", err)
	}
	f, err := os.Open(netnsDir)
	if err != nil {
		return nil, fmt.Errorf("lock subnets: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock subnets: %w", err)
	}
	return func() { f.Close() }, nil
}

func (n *network) subnet(cfg Config) error {
	used, err := machinePrefixes()
	if err != nil {
		return err
	}
	used = append(used, cfg.Topology.fabricPrefixes()...)
	p := cfg.Subnet
	if !p.IsValid() {
		if p, err = chooseSubnet(len(n.rec.Hosts), n.rec.Group, used); err != nil {
			return err
		}
	}
	if overlapsAny(p, used) {
		return fmt.Errorf("subnet %s overlaps a route of this machine or an address of the topology", p)
	}
	return n.rec.setSubnet(p)
}

// machinePrefixes returns the destinations of all IPv4 routes, in any table.
func machinePrefixes() ([]netip.Prefix, error) {
	var routes []netlink.Route
	err := error(netlink.ErrDumpInterrupted)
	for try := 0; try < 10 && errors.Is(err, netlink.ErrDumpInterrupted); try++ {
		routes, err = netlink.RouteListFiltered(unix.AF_INET, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	}
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	var out []netip.Prefix
	for _, r := range routes {
		if r.Dst == nil {
			continue
		}
		addr, ok := netip.AddrFromSlice(r.Dst.IP)
		bits, _ := r.Dst.Mask.Size()
		if ok {
			out = append(out, netip.PrefixFrom(addr.Unmap(), bits))
		}
	}
	return out, nil
}

// addFabric makes the switches in a namespace of their own. IPv6 is off on all
// that stands there: the switch end of a cable has nothing to say.
func (n *network) addFabric() error {
	err := newNetns(n.rec.Fabric, func() error {
		return setSysctl("net/ipv6/conf/default/disable_ipv6", "1")
	})
	if err != nil {
		return err
	}
	ns, err := netns.GetFromPath(netnsPath(n.rec.Fabric))
	if err != nil {
		return fmt.Errorf("open network namespace %q: %w", n.rec.Fabric, err)
	}
	defer ns.Close()
	if n.fabric, err = netlink.NewHandleAt(ns, unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open netlink in %q: %w", n.rec.Fabric, err)
	}
	n.switches = map[string]int{}
	for _, name := range n.rec.Switch {
		br := bridge(netlink.LinkAttrs{Name: name, TxQLen: -1, Flags: net.FlagUp})
		if err := n.fabric.LinkAdd(br); err != nil {
			return fmt.Errorf("add switch %q: %w", name, err)
		}
		n.switches[name] = br.Index
	}
	return nil
}

// plug connects a host, whose network namespace is ns, to its switches.
func (n *network) plug(h *hostRecord, ns netns.NsHandle) error {
	if err := n.plugManagement(h, ns); err != nil {
		return err
	}
	for i, intf := range h.Interfaces {
		veth := &netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{
				Name: h.Ports[i], MTU: intf.MTU, TxQLen: -1, Flags: net.FlagUp, MasterIndex: n.switches[intf.Switch],
			},
			PeerName: intf.Name, PeerNamespace: netlink.NsFd(ns), PeerMTU: uint32(intf.MTU),
		}
		if err := n.fabric.LinkAdd(veth); err != nil {
			return fmt.Errorf("add interface %q to switch %q: %w", intf.Name, intf.Switch, err)
		}
	}
	return nil
}

func (n *network) plugManagement(h *hostRecord, ns netns.NsHandle) error {
	veth := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: h.Veth, Group: n.rec.Group, TxQLen: -1, MasterIndex: n.mgmt},
		PeerName:      "eth0",
		PeerNamespace: netlink.NsFd(ns),
	}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("add veth %q: %w", h.Veth, err)
	}
	// Before it is up, or each port would make every other port chatter.
	if err := setSysctl("net/ipv6/conf/"+h.Veth+"/disable_ipv6", "1"); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(veth); err != nil {
		return fmt.Errorf("set veth %q up: %w", h.Veth, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
