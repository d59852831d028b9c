package lab

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"netrun/inventory/diag"
)

// services are what a lab host can have beside sshd.
var services = map[string]service{
	"docker": {
		daemons:  []string{"docker"},
		programs: map[string]string{"dockerd": "docker.io", "docker": "docker.io", "setsid": "util-linux"},
		folders:  []string{"/var/lib/docker"},
		private:  []string{"/etc/docker"},
		cgroups:  true,
	},
	"openvswitch": {
		daemons:  []string{"openvswitch-switch", "ovsdb-server", "ovs-vswitchd"},
		programs: map[string]string{"ovsdb-server": "openvswitch-switch", "ovs-vswitchd": "openvswitch-switch", "ovs-vsctl": "openvswitch-switch"},
		private:  []string{"/etc/openvswitch", "/var/lib/openvswitch"},
	},
	"podman": {
		programs: map[string]string{"podman": "podman", "runc": "runc", "conmon": "conmon"},
		folders:  []string{"/var/lib/containers", "/home"},
		private:  []string{"/var/lib/cni"},
		files: []file{
			{"etc/containers/containers.conf", podmanConfig, 0o644},
			{"etc/containers/storage.conf", podmanStorage, 0o644},
		},
		cgroups: true,
		tun:     true,
	},
}

// service is what a host needs for one of them.
type service struct {
	daemons  []string          // init scripts; the first one starts all of it
	programs map[string]string // program: Debian's package that has it
	folders  []string          // on disk, outside of the overlay: they hold overlays themselves
	private  []string          // empty, whatever the machine has there
	files    []file
	cgroups  bool // it makes cgroups
	tun      bool // its users make taps
}

// file is one file that a host has and the machine has not.
type file struct {
	path, text string
	mode       fs.FileMode
}

// podmanConfig is for kernels and users of all kinds: crun refuses the two
// generations of cgroups side by side, nothing here is systemd, and a limit above
// the machine's own is not to be had.
const podmanConfig = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
`

const podmanStorage = `[storage]
driver = "overlay"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
`

// daemonScript is the init script of all daemons; it looks at its own name.
//
//go:embed services/daemon.sh
var daemonScript string

// Services lists what a host can have beside sshd.
func Services() []string { return slices.Sorted(maps.Keys(services)) }

// ServiceVerbs lists what Service does.
func ServiceVerbs() []string {
	return []string{"start", "stop", "restart", "status", "kill", "pause", "unpause"}
}

func checkServices(names []string) error {
	for _, name := range names {
		if _, ok := services[name]; !ok {
			return fmt.Errorf("unknown service %q (%s)", name, diag.DidYouMean(name, Services()))
		}
	}
	return nil
}

// Service does one of ServiceVerbs with a service of the host, or with one daemon
// of it, and returns what was said. Pausing stops the processes where they stand
// (SIGSTOP), killing ends them without a word (SIGKILL).
func (l *Lab) Service(ctx context.Context, host, name, verb string) (string, error) {
	h, err := l.rec.host(host)
	if err != nil {
		return "", err
	}
	if !slices.Contains(ServiceVerbs(), verb) {
		return "", fmt.Errorf("unknown verb %q (%s)", verb, diag.DidYouMean(verb, ServiceVerbs()))
	}
	script, err := h.daemon(name)
	if err != nil {
		return "", err
	}
	out, err := l.Exec(ctx, host, "/etc/init.d/"+script, verb)
	return strings.TrimSpace(string(out)), err
}

// containers reports whether the host runs containers, in cgroups of its own.
func (h *hostRecord) containers() bool {
	return slices.ContainsFunc(h.Services, func(name string) bool { return services[name].cgroups })
}

// daemon returns the init script of a service or of one of its daemons.
func (h *hostRecord) daemon(name string) (string, error) {
	var known []string
	for _, s := range h.Services {
		daemons := services[s].daemons
		if len(daemons) > 0 && name == s {
			return daemons[0], nil
		}
		if slices.Contains(daemons, name) {
			return name, nil
		}
		known = append(known, daemons...)
	}
	if name == "podman" && slices.Contains(h.Services, name) {
		return "", errors.New("podman has no daemon")
	}
	return "", fmt.Errorf("host %q has no service %q (%s)", h.Name, name, diag.DidYouMean(name, known))
}
