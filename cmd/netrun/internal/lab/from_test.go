package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory"
)

const realInventory = `
[web]
web[1:2].example.com ansible_host=203.0.113.9 ansible_port=2222 port_base=8000 ansible_become_password=hush
[db]
db1 ansible_user=admin ansible_ssh_pass=hush
[site:children]
web
db
[site:vars]
zone=north
ansible_ssh_common_args=-o ProxyJump=bastion.example.com
`

func TestFromInventory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts.ini")
	if err := os.WriteFile(path, []byte(realInventory), 0o600); err != nil {
		t.Fatal(err)
	}
	topo, err := FromInventory(t.Context(), []string{path}, DefaultFabric)
	if err != nil {
		t.Fatal(err)
	}
	got := []HostSpec{}
	for _, h := range topo.Hosts {
		if a := h.Interfaces[0].Address; len(a) != 1 || !DefaultFabric.Contains(a[0].Addr()) {
			t.Errorf("fabric address of %s: got %v", h.Name, a)
		}
		got = append(got, HostSpec{Name: h.Name, Groups: h.Groups, Vars: h.Vars})
	}
	want := []HostSpec{
		{Name: "web1.example.com", Groups: []string{"site", "web"}, Vars: map[string]any{"port_base": 8000, "zone": "north"}},
		{Name: "web2.example.com", Groups: []string{"site", "web"}, Vars: map[string]any{"port_base": 8000, "zone": "north"}},
		{Name: "db1", Groups: []string{"db", "site"}, Vars: map[string]any{"zone": "north"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Group{{Name: "site", Children: []string{"web", "db"}}}, topo.Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

func TestFromInventoryErrors(t *testing.T) {
	for _, tt := range []struct{ source, want string }{
		{"/nonexistent/hosts", "/nonexistent/hosts"},
		{"2001:db8::1,", `inventory host "2001:db8::1"`},
	} {
		_, err := FromInventory(t.Context(), []string{tt.source}, DefaultFabric)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("FromInventory(%q): got %v; want an error with %q", tt.source, err, tt.want)
		}
	}
}

// What the lab writes, netrun reads: every host, reached by the lab's key at its
// own address and no other.
func TestInventoryIsRead(t *testing.T) {
	l := testLab(t)
	if err := l.writeFiles(keyPair{}); err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(t.Context(), []string{l.Inventory()}, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range l.Hosts() {
		if inv.Host(h.Name) == nil {
			t.Fatalf("host %s is not in the inventory", h.Name)
		}
		c, err := inv.Host(h.Name).Connection()
		if err != nil {
			t.Fatal(err)
		}
		if c.Host != h.Addr.String() || c.User != "root" || c.KeyFile != l.Identity() {
			t.Errorf("connection of %s: got %s with key %s; want root@%s with %s", h.Name, c, c.KeyFile, h.Addr, l.Identity())
		}
		if args := strings.Join(c.SSHArgs, "\n"); !strings.Contains(args, "UserKnownHostsFile="+l.KnownHosts()) {
			t.Errorf("ssh options of %s: got %q; want the lab's known_hosts", h.Name, args)
		}
	}
	if got := inv.Host("node1").Groups(); !cmp.Equal(got, []string{"all_of_it", "first", "nodes"}) {
		t.Errorf("groups of node1: got %q", got)
	}
}
