package linuxhost

import (
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// TestFarEndInEndingNamespace: while a container's namespace is taken down, its cable
// must not seem to lead to the link of the host that has the same index.
func TestFarEndInEndingNamespace(t *testing.T) {
	m := nl.NewIfInfomsg(unix.AF_UNSPEC).Serialize()
	for kind, value := range map[int]uint32{unix.IFLA_LINK: 1, unix.IFLA_LINK_NETNSID: 0xffffffff} {
		m = append(m, nl.NewRtAttr(kind, nl.Uint32Attr(value)).Serialize()...)
	}
	info, err := parseLink(m)
	if err != nil {
		t.Fatal(err)
	}
	far := &farEnds{space: &space{names: map[int]string{1: "lo"}}}
	if name, scope, err := far.find(info.parent, info.parentNS); name != "" || scope != "" || err != nil {
		t.Errorf("got %q in %q, %v; want no name", name, scope, err)
	}
	if name, _, err := far.find(1, -1); name != "lo" || err != nil {
		t.Errorf("its own namespace: got %q, %v; want lo", name, err)
	}
}
