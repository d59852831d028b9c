package lab

import (
	"net/netip"
)

// spec is what a host's first process is told on its control pipe: one line of
// JSON, before the line "go".
type spec struct {
	Name       string       `json:"name"`
	Dir        string       `json:"dir"`        // the host's folder: upper, work and root are made in it
	TmpfsRoot  string       `json:"tmpfs_root"` // "" keeps the upper layer on disk
	Busybox    bool         `json:"busybox"`
	Shell      string       `json:"shell"`
	Sshd       string       `json:"sshd"` // path of the server
	SshdConfig string       `json:"sshd_config"`
	HostKey    string       `json:"host_key"`   // private, PEM
	HostPub    string       `json:"host_pub"`   // "ssh-ed25519 AAAA..."
	Authorized string       `json:"authorized"` // line for root's authorized_keys
	Addr       netip.Prefix `json:"addr"`       // of eth0
	Interfaces []Interface  `json:"interfaces"`
	Services   []string     `json:"services,omitempty"`
	Cgroup     string       `json:"cgroup"` // name for cgroups of its own; "" shares the machine's
}

// process tells a host's first process from a later one with the same number.
type process struct {
	Pid    int    `json:"pid"`
	Start  uint64 `json:"start"` // clock ticks since boot, field 22 of /proc/PID/stat
	BootID string `json:"boot_id"`
}

// goLine is sent once the process stands in the lab's records. A first process
// that reads end of file instead ends, and its host with it.
const goLine = "go\n"
