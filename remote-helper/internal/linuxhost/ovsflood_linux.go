package linuxhost

import (
	"fmt"
	"strings"

	"netrun/tasks/state"
)

// reflood has the ports of bridges whose spanning tree a batch has switched off take
// broadcasts again. Open vSwitch 3.1 does not look at them anew by itself: those that
// the tree had forward stay left out when frames go to all ports. It looks when their
// OpenFlow settings change, and forgets then what it has learned of the tree's ways.
func (s *session) reflood(changes []state.Change) error {
	for _, c := range changes {
		before, was := c.Before.(state.OVSBridge)
		after, is := c.After.(state.OVSBridge)
		if !was || !is || !spanned(before) || spanned(after) {
			continue
		}
		if err := s.refloodBridge(after.Name); err != nil {
			return fmt.Errorf("have ports of %q take broadcasts again: %w", after.Name, err)
		}
	}
	return nil
}

// spanned reports whether the bridge runs a spanning tree.
func spanned(b state.OVSBridge) bool {
	return b.STP != nil && *b.STP || b.RSTP != nil && *b.RSTP
}

func (s *session) refloodBridge(bridge string) error {
	shown, err := s.ofctl("show", bridge)
	if err != nil {
		return err
	}
	for _, port := range floodPorts(shown) {
		for _, setting := range []string{"no-flood", "flood"} {
			if _, err := s.ofctl("mod-port", bridge, port, setting); err != nil {
				return err
			}
		}
	}
	return nil
}

// floodPorts are the ports that somebody has not taken out of broadcasts on purpose,
// the bridge's own, which is in no tree, apart; from what ovs-ofctl show prints: " 2(gre0): addr:...", "     config:     NO_FLOOD".
func floodPorts(shown string) []string {
	var out []string
	port := ""
	for line := range strings.Lines(shown) {
		number, _, isPort := strings.Cut(line, "(")
		switch rest, isConfig := strings.CutPrefix(strings.TrimSpace(line), "config:"); {
		case isConfig && port != "" && port != "LOCAL" && !strings.Contains(rest, "NO_FLOOD"):
			out = append(out, port)
		case isPort && strings.HasPrefix(line, " ") && strings.Contains(line, "): addr:"):
			port = strings.TrimSpace(number)
		}
	}
	return out
}

// ofctl runs ovs-ofctl in the host's own namespace.
func (s *session) ofctl(args ...string) (string, error) {
	host, err := s.space(state.HostScope)
	if err != nil {
		return "", err
	}
	out, _, err := s.output(host, program{name: "ovs-ofctl", args: append([]string{ovsSeconds(ovsTimeout)}, args...)})
	return out, err
}
