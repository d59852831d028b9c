package lab

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// writeFiles writes what SSH clients and inventories need.
func (l *Lab) writeFiles(client keyPair) error {
	inv, err := l.inventoryYAML()
	if err != nil {
		return err
	}
	files := []struct{ name, text string }{
		{identityFile, client.private},
		{identityFile + ".pub", client.public + " netrun lab\n"},
		{knownHostsFile, l.rec.knownHosts()},
		{sshConfigFile, l.sshConfig()},
		{inventoryFile, inv},
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(l.rec.Dir, f.name), []byte(f.text), 0o600); err != nil {
			return fmt.Errorf("write lab file: %w", err)
		}
	}
	return nil
}

func (r *record) knownHosts() string {
	var b strings.Builder
	for _, h := range r.Hosts {
		fmt.Fprintf(&b, "%s,%s %s\n", h.Name, h.Addr, h.HostKey)
	}
	return b.String()
}

// sshConfig returns a client configuration. The key exchange is named because
// the client's own first choice costs 0.1 s a login on a small machine.
func (l *Lab) sshConfig() string {
	var b strings.Builder
	for _, h := range l.rec.Hosts {
		fmt.Fprintf(&b, "Host %s\n  HostName %s\n", h.Name, h.Addr)
	}
	fmt.Fprintf(&b, `Host *
  User root
  IdentityFile %q
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile %q
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  UpdateHostKeys no
  KexAlgorithms curve25519-sha256
  LogLevel ERROR
`, l.Identity(), l.KnownHosts())
	return b.String()
}

// inventoryYAML writes the hosts with their groups and variables. Connection
// variables of the lab win over those of the topology.
func (l *Lab) inventoryYAML() (string, error) {
	hosts := map[string]any{}
	for _, h := range l.rec.Hosts {
		hosts[h.Name] = hostVars(h)
	}
	all := map[string]any{"hosts": hosts, "vars": l.allVars()}
	if groups := l.rec.groupTree(); len(groups) > 0 {
		all["children"] = groups
	}
	out, err := yaml.Marshal(map[string]any{"all": all})
	if err != nil {
		return "", fmt.Errorf("encode inventory: %w", err)
	}
	return string(out), nil
}

func (l *Lab) allVars() map[string]any {
	vars := maps.Clone(l.rec.Vars)
	if vars == nil {
		vars = map[string]any{}
	}
	vars["ansible_user"] = "root"
	vars["ansible_ssh_private_key_file"] = l.Identity()
	vars["ansible_ssh_common_args"] = fmt.Sprintf("-o UserKnownHostsFile='%s' -o GlobalKnownHostsFile=/dev/null"+
		" -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes -o KexAlgorithms=curve25519-sha256", l.KnownHosts())
	return vars
}

func hostVars(h hostRecord) map[string]any {
	vars := maps.Clone(h.Vars)
	if vars == nil {
		vars = map[string]any{}
	}
	vars["ansible_host"] = h.Addr.String()
	return vars
}

// groupTree returns the groups as children of all; each one stands there once,
// and a group's children refer to it by name.
func (r *record) groupTree() map[string]any {
	tree := map[string]map[string]any{}
	group := func(name string) map[string]any {
		if tree[name] == nil {
			tree[name] = map[string]any{}
		}
		return tree[name]
	}
	for _, h := range r.Hosts {
		for _, g := range h.Groups {
			member(group(g), "hosts", h.Name)
		}
	}
	for _, g := range r.Groups {
		if len(g.Vars) > 0 {
			group(g.Name)["vars"] = g.Vars
		}
		for _, c := range g.Children {
			member(group(g.Name), "children", c)
			group(c)
		}
	}
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		out[name] = tree[name]
	}
	return out
}

func member(group map[string]any, kind, name string) {
	members, _ := group[kind].(map[string]any)
	if members == nil {
		members = map[string]any{}
		group[kind] = members
	}
	members[name] = nil
}

// sshdConfig returns the server's configuration. What the topology asks for
// stands first, because sshd keeps the first value of a keyword.
func (h HostSpec) sshdConfig() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(h.SSHD)) {
		fmt.Fprintf(&b, "%s %s\n", k, h.SSHD[k])
	}
	b.WriteString(`Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
PidFile /run/sshd.pid
`)
	if !h.NoSFTP {
		b.WriteString("Subsystem sftp internal-sftp\n")
	}
	return b.String()
}
