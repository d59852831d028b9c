package linuxhost

import (
	"fmt"

	"netrun/tasks/state"
)

// keepPorts notes which links of the host are ports of bridges with the userspace
// datapath. The kernel's needs no help from replug.
func (h *Host) keepPorts(db *ovsdb) {
	userspace := map[string]bool{}
	for _, b := range db.bridges {
		userspace[b.Name] = b.Datapath == "netdev"
	}
	h.ovsLinks = map[string]bool{}
	for _, p := range db.ports {
		if p.Type == "" && userspace[p.Bridge] {
			h.ovsLinks[p.Name] = true
		}
	}
}

// made notes a new link that has the name of a port of Open vSwitch.
func (s *session) made(l state.Link) {
	if l.Scope == state.HostScope && s.host.ovsLinks[l.Name] {
		s.unplugged = append(s.unplugged, l.Name)
	}
}

// replug has Open vSwitch open the new links. Its userspace datapath holds on to the
// ones that went (with their containers) as long as the ports' records stay as they
// are: it says that all is well, and no frame passes. Another type makes it let go.
func (s *session) replug() error {
	names := s.unplugged
	s.unplugged = nil
	if len(names) == 0 {
		return nil
	}
	for _, kind := range []string{"patch", "system"} {
		var args []string
		for _, name := range names {
			args = append(args, "--", "--if-exists", "set", "Interface", name, column("type", kind))
		}
		_, said, err := s.vsctlChange(args...)
		if err == nil && kind == "system" {
			err = setupError(nil, said)
		}
		if err != nil {
			return fmt.Errorf("plug %q into Open vSwitch again: %w", names, err)
		}
	}
	return nil
}
