//go:build linux

package linuxhost

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"

	"netrun/tasks/state"
)

// TestKindDataComesBack reads what is written about a kind without a kernel between
// them: not every kernel has every kind, and no machine here has InfiniBand.
func TestKindDataComesBack(t *testing.T) {
	for _, want := range []state.Link{
		{Type: "vxlan", VNI: 42, Local: "10.9.9.1", Remote: "10.9.9.2", Port: 4789, Learning: new(false)},
		{Type: "vxlan", VNI: 43, Local: "fd00::1", Remote: "fd00::2", Port: 8472, Learning: new(true)},
		{Type: "geneve", VNI: 1<<24 - 1, Remote: "10.9.9.2", Port: 6081, TTL: 255},
		{Type: "geneve", VNI: 1, Remote: "fd00::2", Port: 6082},
		{Type: "gretap", Local: "10.9.9.1", Remote: "10.9.9.2", GREKey: 1<<32 - 1, TTL: 64, PMTUDisc: new(false), IgnoreDF: new(true)},
		{Type: "ip6gretap", Local: "fd00::1", Remote: "fd00::2", GREKey: 7, EncapLimit: "none"},
		{Type: "ip6gretap", Local: "fd00::1", Remote: "fd00::2", EncapLimit: "4", TTL: 9},
		{Type: "vlan", VLAN: 4094, VLANProtocol: "802.1ad"},
		{Type: "vlan", VLAN: 1, VLANProtocol: "802.1Q"},
		{Type: "ipoib", PKey: 0xffff, Mode: "connected"},
		{Type: "ipoib", PKey: 0x8001, Mode: "datagram"},
		{Type: "ipvlan", Mode: "l3s"},
		{Type: "macvlan", Mode: "source", Sources: "02:00:00:00:00:01 02:00:00:00:00:0a"},
		{Type: "macvlan", Mode: "passthru"},
	} {
		data := nl.NewRtAttr(nl.IFLA_INFO_DATA, nil)
		if filled, err := (&session{}).kindData(data, nil, want); err != nil || !filled {
			t.Errorf("%+v: got %v, error %v; want data", want, filled, err)
			continue
		}
		info, got := linkInfo{kind: want.Type, data: data.Serialize()[4:]}, state.Link{Type: want.Type}
		if err := eachAttr(info.data, func(kind uint16, v []byte) error { info.detail(&got, kind, v); return nil }); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Type, diff)
		}
	}
}

func TestMacvlanSourcesChangeInPlace(t *testing.T) {
	r := newRig(t)
	l := state.Link{Name: "mv0", Type: "macvlan", Parent: "br0", Mode: "source", Sources: "02:00:00:00:00:01"}
	r.create(state.Link{Name: "br0", Type: "bridge", State: "up"}, l)
	l.Sources = "02:00:00:00:00:02 02:00:00:00:00:03"
	r.update(l)
	r.have(l)
	r.apply(state.Change{Op: state.Update, Before: l, After: state.Link{Name: "mv0", Type: "macvlan", Parent: "br0", Mode: "source"}})
	if got := r.get(l.Key()).(state.Link).Sources; got != "" {
		t.Errorf("got sources %q; want none", got)
	}
}
