package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// bareLoop makes the ports of the veth section with netlink and nothing else: no
// look at what is there, no journal, no check of what came of it.
type bareLoop struct {
	prefix string // of the namespaces' names on this machine
	host   string // path of the network namespace that has the bridge
	made   []string
}

// run makes them on a thread of its own, which ends with it.
func (l *bareLoop) run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is in other namespaces
		done <- l.make(ctx)
	}()
	return <-done
}

func (l *bareLoop) make(ctx context.Context) error {
	host, err := netns.GetFromPath(l.host)
	if err != nil {
		return fmt.Errorf("open %s: %w", l.host, err)
	}
	defer host.Close()
	inside := make([]netns.NsHandle, namespaces)
	for i := range inside {
		name := fmt.Sprintf("%s-c%d", l.prefix, i)
		if inside[i], err = netns.NewNamed(name); err != nil {
			return fmt.Errorf("add netns %s: %w", name, err)
		}
		defer inside[i].Close()
		l.made = append(l.made, name)
	}
	if err := netns.Set(host); err != nil {
		return fmt.Errorf("enter %s: %w", l.host, err)
	}
	bridge, err := addBridge()
	if err != nil {
		return err
	}
	handles, err := handlesOf(inside)
	if err != nil {
		return err
	}
	for i := range ports {
		if err := errors.Join(ctx.Err(), addPort(i, bridge, inside[i%namespaces], handles[i%namespaces])); err != nil {
			return fmt.Errorf("port %d: %w", i, err)
		}
	}
	for _, h := range handles {
		h.Close()
	}
	return nil
}

func addBridge() (netlink.Link, error) {
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}
	addr, err := netlink.ParseAddr("10.90.0.1/16")
	if err != nil {
		return nil, err
	}
	return bridge, errors.Join(netlink.LinkAdd(bridge), netlink.AddrAdd(bridge, addr), netlink.LinkSetUp(bridge))
}

func handlesOf(inside []netns.NsHandle) ([]*netlink.Handle, error) {
	handles := make([]*netlink.Handle, len(inside))
	for i, ns := range inside {
		h, err := netlink.NewHandleAt(ns)
		if err != nil {
			return nil, err
		}
		lo, err := h.LinkByName("lo")
		if err != nil {
			return nil, err
		}
		if err := h.LinkSetUp(lo); err != nil {
			return nil, err
		}
		handles[i] = h
	}
	return handles, nil
}

// addPort makes a port as pipework would: the bridge's end without IPv6, the
// container's end with its address, both up.
func addPort(i int, bridge netlink.Link, ns netns.NsHandle, inside *netlink.Handle) error {
	_, name, address := port(i)
	attrs := netlink.LinkAttrs{Name: fmt.Sprintf("v%d", i), MasterIndex: bridge.Attrs().Index}
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: name, PeerNamespace: netlink.NsFd(ns)}
	if err := netlink.LinkAdd(veth); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+attrs.Name+"/disable_ipv6", []byte("1"), 0o644); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(veth); err != nil {
		return err
	}
	peer, err := inside.LinkByName(name)
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	return errors.Join(inside.AddrAdd(peer, addr), inside.LinkSetUp(peer))
}

// clean removes the namespaces; the ports go with them.
func (l *bareLoop) clean() {
	for _, name := range l.made {
		_ = netns.DeleteNamed(name) // what is not there need not be removed
	}
	l.made = nil
}
