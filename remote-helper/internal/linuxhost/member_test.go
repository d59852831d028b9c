//go:build linux

package linuxhost

import (
	"testing"

	"netrun/tasks/state"
)

func TestIsolatedMembers(t *testing.T) {
	r := newRig(t)
	isolated := state.Member{Link: "va", Bridge: "br0", Isolated: new(true)}
	r.create(state.Link{Name: "br0", Type: "bridge", State: "up"}, state.Link{Name: "br1", Type: "bridge", State: "up"},
		state.Link{Name: "va", Type: "veth", Peer: "vb", State: "up"}, isolated)
	r.update(state.Link{Name: "vb", State: "up"})
	r.have(isolated)
	before := r.get(isolated.Key())
	if got := before.(state.Member).Phase; got != "forwarding" {
		t.Errorf("got phase %q; want forwarding, since there is no spanning tree", got)
	}
	r.update(state.Member{Link: "va", Isolated: new(false)})
	r.have(state.Member{Link: "va", Bridge: "br0", Isolated: new(false)})
	r.undo(before)
	r.have(isolated)
	r.update(state.Member{Link: "va", Bridge: "br1"}) // the kernel's new port is not isolated by itself
	r.have(state.Member{Link: "va", Bridge: "br1", Isolated: new(true)})
}

func TestHairpinMembers(t *testing.T) {
	r := newRig(t)
	plain := state.Member{Link: "va", Bridge: "br0"}
	r.create(state.Link{Name: "br0", Type: "bridge", State: "up"}, state.Link{Name: "br1", Type: "bridge", State: "up"},
		state.Link{Name: "va", Type: "veth", Peer: "vb", State: "up"}, plain)
	r.have(state.Member{Link: "va", Bridge: "br0", Hairpin: new(false)})
	before := r.get(plain.Key())
	r.update(state.Member{Link: "va", Hairpin: new(true)})
	r.have(state.Member{Link: "va", Bridge: "br0", Hairpin: new(true), Isolated: new(false)})
	r.update(state.Member{Link: "va", Bridge: "br1"})
	r.have(state.Member{Link: "va", Bridge: "br1", Hairpin: new(true)})
	r.undo(before)
	r.have(state.Member{Link: "va", Bridge: "br0", Hairpin: new(false)})
}

func TestPhaseOfMembers(t *testing.T) {
	r := newRig(t)
	r.create(state.Link{Name: "br0", Type: "bridge", State: "up", STP: new(true), ForwardDelay: 200},
		state.Link{Name: "va", Type: "veth", Peer: "vb", State: "up"}, state.Member{Link: "va", Bridge: "br0"})
	r.update(state.Link{Name: "vb", State: "up"})
	if got := r.get(state.Member{Link: "va"}.Key()).(state.Member).Phase; got != "listening" && got != "learning" {
		t.Errorf("got phase %q; want listening or learning", got)
	}
}
