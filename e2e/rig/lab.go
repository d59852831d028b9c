package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Lab is a lab that is up, as `netrun lab up --json` prints it.
type Lab struct {
	Name       string       `json:"name"`
	ID         string       `json:"id"`
	Dir        string       `json:"dir"`
	Inventory  string       `json:"inventory"`
	KnownHosts string       `json:"known_hosts"`
	Identity   string       `json:"identity"`
	SSHConfig  string       `json:"ssh_config"`
	Subnet     netip.Prefix `json:"subnet"`
	Gateway    netip.Addr   `json:"gateway"` // this machine's address on the management network
	Hosts      []Host       `json:"hosts"`

	netrun string
}

// Host is one of a lab's hosts.
type Host struct {
	Name       string     `json:"name"`
	Addr       netip.Addr `json:"addr"`
	Netns      string     `json:"netns"` // path of its network namespace on this machine
	Pid        int        `json:"pid"`   // of its first process
	Groups     []string   `json:"groups"`
	Interfaces []struct {
		Name    string         `json:"name"`
		Switch  string         `json:"switch"`
		Address []netip.Prefix `json:"address"`
	} `json:"interfaces"`
}

// Up brings a lab up with its state in dir, in the place of any that a killed
// predecessor left there. The arguments are those of netrun lab up.
func Up(ctx context.Context, netrun, name, dir string, args ...string) (*Lab, error) {
	argv := append([]string{netrun, "lab", "up", "--name", name, "--dir", dir, "--replace", "--json"}, args...)
	out, err := Output(ctx, Command{Argv: argv})
	if err != nil {
		return nil, err
	}
	l := &Lab{netrun: netrun}
	if err := json.Unmarshal([]byte(out), l); err != nil {
		return nil, fmt.Errorf("read what netrun lab up printed: %w", err)
	}
	if len(l.Hosts) == 0 {
		return nil, errors.New("netrun lab up printed no hosts")
	}
	return l, nil
}

// Down takes the lab down.
func (l *Lab) Down(ctx context.Context) error {
	_, err := Output(ctx, Command{Argv: []string{l.netrun, "lab", "down", "--name", l.Name, "--dir", l.Dir}})
	return err
}

// Host returns the host of that name.
func (l *Lab) Host(name string) (Host, error) {
	for _, h := range l.Hosts {
		if h.Name == name {
			return h, nil
		}
	}
	return Host{}, fmt.Errorf("lab %s has no host %q", l.Name, name)
}

// Names lists the hosts.
func (l *Lab) Names() []string {
	names := make([]string, len(l.Hosts))
	for i, h := range l.Hosts {
		names[i] = h.Name
	}
	return names
}

// Argv is the command line that runs argv on the host, without SSH.
func (l *Lab) Argv(host string, argv ...string) []string {
	return append([]string{l.netrun, "lab", "exec", "--name", l.Name, "--dir", l.Dir, host, "--"}, argv...)
}

// Exec runs argv on the host and returns what it printed.
func (l *Lab) Exec(ctx context.Context, host string, argv ...string) (string, error) {
	out, err := Output(ctx, Command{Argv: l.Argv(host, argv...)})
	if err != nil {
		return out, fmt.Errorf("on %s: %w", host, err)
	}
	return out, nil
}

// Shell runs a shell script on the host; its arguments are $1 and up.
func (l *Lab) Shell(ctx context.Context, host, script string, args ...string) (string, error) {
	return l.Exec(ctx, host, append([]string{"/bin/sh", "-c", script, "sh"}, args...)...)
}

// HostKey returns the host's public key as known_hosts has it: type and base64.
func (l *Lab) HostKey(ctx context.Context, host string) (string, error) {
	out, err := l.Exec(ctx, host, "/bin/sh", "-c", "cat /etc/ssh/ssh_host_ed25519_key.pub 2>/dev/null || ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key")
	if err != nil {
		return "", err
	}
	words := strings.Fields(out)
	if len(words) < 2 {
		return "", fmt.Errorf("host key of %s: %q", host, out)
	}
	return words[0] + " " + words[1], nil
}
