package lab

import (
	"crypto/rand"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func testLab(t *testing.T) *Lab {
	t.Helper()
	topo, err := ParseTopology("t.yaml", []byte(wholeTopology))
	if err != nil {
		t.Fatal(err)
	}
	r := testPlan(t, topo)
	if err := r.setSubnet(netip.MustParsePrefix("10.9.8.0/24")); err != nil {
		t.Fatal(err)
	}
	for i := range r.Hosts {
		key, err := newKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		r.Hosts[i].HostKey = key.public
	}
	return newLab(r, slog.New(slog.DiscardHandler))
}

func TestInventory(t *testing.T) {
	l := testLab(t)
	text, err := l.inventoryYAML()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := yaml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	all, _ := got["all"].(map[string]any)
	vars, _ := all["vars"].(map[string]any)
	if vars["domain"] != "example.com" || vars["ansible_user"] != "root" || vars["ansible_ssh_private_key_file"] != l.Identity() {
		t.Errorf("vars of all: got %v; want the topology's and the connection's", vars)
	}
	delete(all, "vars")
	want := map[string]any{
		"hosts": map[string]any{
			"router": map[string]any{"ansible_host": "10.9.8.2"},
			"node1":  map[string]any{"ansible_host": "10.9.8.3", "ports": []any{80, 443}},
		},
		"children": map[string]any{
			"nodes":     map[string]any{"hosts": map[string]any{"node1": nil}},
			"first":     map[string]any{"hosts": map[string]any{"node1": nil}},
			"routers":   map[string]any{"hosts": map[string]any{"router": nil}},
			"all_of_it": map[string]any{"children": map[string]any{"nodes": nil, "routers": nil}, "vars": map[string]any{"k": "v"}},
		},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
}

func TestClientFiles(t *testing.T) {
	l := testLab(t)
	client, err := newKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.writeFiles(client); err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey([]byte(readText(t, l.Identity())))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))); got != client.public {
		t.Errorf("private key of %s; want %s", got, client.public)
	}
	check, err := knownhosts.New(l.KnownHosts())
	if err != nil {
		t.Fatal(err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(l.rec.Hosts[0].HostKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{"router:22", "10.9.8.2:22"} {
		if err := check(addr, tcpAddr{}, key); err != nil {
			t.Errorf("known host %s: got %v; want nil", addr, err)
		}
	}
	if err := check("node1:22", tcpAddr{}, key); err == nil {
		t.Error("known host node1 with router's key: got nil; want an error")
	}
}

type tcpAddr struct{}

func (tcpAddr) Network() string { return "tcp" }
func (tcpAddr) String() string  { return "0.0.0.0:0" }

// sshd keeps the first value of a keyword, so the topology's stand first.
func TestSshdConfig(t *testing.T) {
	got := HostSpec{NoSFTP: true, SSHD: map[string]string{"PasswordAuthentication": "yes", "MaxStartups": "3"}}.sshdConfig()
	if !strings.HasPrefix(got, "MaxStartups 3\nPasswordAuthentication yes\nPort 22\n") {
		t.Errorf("sshd_config: got %q; want the topology's keywords first", got)
	}
	if strings.Contains(got, "sftp") {
		t.Errorf("sshd_config: got %q; want no sftp subsystem", got)
	}
}
