package linuxhost

import (
	"fmt"
	"slices"
	"strings"

	"netrun/tasks/state"
)

// ovsCommands are the change as commands of ovs-vsctl, each begun by "--".
func (s *session) ovsCommands(c state.Change) ([]string, error) {
	switch o := c.Object().(type) {
	case state.OVSBridge:
		if err := checkOVSName(o.Name); err != nil {
			return nil, err
		}
		return s.bridgeCommands(c, o)
	case state.OVSPort:
		for _, name := range []string{o.Name, o.Bridge} {
			if err := checkOVSName(name); err != nil {
				return nil, err
			}
		}
		return portCommands(c, o), nil
	}
	return nil, nil
}

func (s *session) bridgeCommands(c state.Change, b state.OVSBridge) ([]string, error) {
	switch c.Op {
	case state.Delete:
		return []string{"--", "del-br", b.Name}, nil
	case state.Create:
		if b.Datapath == "" {
			b.Datapath = s.datapath()
		}
		words := []string{"--", "add-br", b.Name, "--", "set", "Bridge", b.Name}
		words = append(words, column("datapath_type", b.Datapath))
		words = append(words, bridgeColumns(b, state.OVSBridge{})...)
		words = append(words, ownerColumn(b.Owner)...)
		words = append(words, mtuCommand(b, 0)...)
		return append(words, controllerCommand(b, nil)...), nil
	}
	before := c.Before.(state.OVSBridge)
	words := setColumns("Bridge", b.Name, bridgeColumns(b, before))
	if b.FailMode == "" && before.FailMode != "" {
		words = append(words, "--", "clear", "Bridge", b.Name, "fail_mode")
	}
	words = append(words, mtuCommand(b, before.MTURequest)...)
	words = append(words, controllerCommand(b, before.Controllers)...)
	return append(words, changeOwner("Bridge", b.Name, before.Owner, b.Owner)...), nil
}

// mtuCommand sets the MTU of the bridge's own link where it differs from before. Told to
// the kernel alone, it would be lost when ports with another MTU come and go.
func mtuCommand(b state.OVSBridge, before int) []string {
	switch {
	case b.MTURequest == before:
		return nil
	case b.MTURequest == 0:
		return []string{"--", "clear", "Interface", b.Name, "mtu_request"}
	}
	return setColumns("Interface", b.Name, []string{fmt.Sprintf("mtu_request=%d", b.MTURequest)})
}

// controllerCommand sets the bridge's controllers where they differ from before.
func controllerCommand(b state.OVSBridge, before []string) []string {
	switch {
	case slices.Equal(b.Controllers, before):
		return nil
	case len(b.Controllers) == 0:
		return []string{"--", "del-controller", b.Name}
	}
	return append([]string{"--", "set-controller", b.Name}, b.Controllers...)
}

// bridgeColumns are the settings in which b differs from before.
func bridgeColumns(b, before state.OVSBridge) []string {
	var out []string
	if b.STP != nil && (before.STP == nil || *before.STP != *b.STP) {
		out = append(out, fmt.Sprintf("stp_enable=%t", *b.STP))
	}
	if b.RSTP != nil && (before.RSTP == nil || *before.RSTP != *b.RSTP) {
		out = append(out, fmt.Sprintf("rstp_enable=%t", *b.RSTP))
	}
	if b.FailMode != "" && b.FailMode != before.FailMode {
		out = append(out, column("fail_mode", b.FailMode))
	}
	return out
}

func ownerColumn(owner string) []string {
	if owner == "" {
		return nil
	}
	return []string{"external_ids:" + ownerKey + "=" + ovsString(owner)}
}

func changeOwner(table, record, before, after string) []string {
	switch {
	case before == after:
		return nil
	case after == "":
		return []string{"--", "remove", table, record, "external_ids", ownerKey}
	}
	return setColumns(table, record, ownerColumn(after))
}

func setColumns(table, record string, columns []string) []string {
	if len(columns) == 0 {
		return nil
	}
	return append([]string{"--", "set", table, record}, columns...)
}

func column(name, value string) string { return name + "=" + ovsString(value) }

// ovsString is a value that ovs-vsctl takes as one string, whatever is in it: its
// own syntax splits at commas, blanks and brackets outside of quotes.
func ovsString(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(text) + `"`
}

// checkOVSName refuses names that ovs-vsctl would take for an option, a command or a path.
func checkOVSName(name string) error {
	if name == "" || len(name) > 64 || !validWord(name) {
		return fmt.Errorf("%q: want a name of letters, digits and _ . -", name)
	}
	return nil
}

// setOVSAddress sets the MAC address of a link that Open vSwitch made: a bridge's
// own link has it from the bridge, any other internal port from its interface.
func (s *session) setOVSAddress(link, mac string) error {
	db, err := s.database()
	if err != nil {
		return err
	}
	args := []string{"set", "Interface", link, column("mac", mac)}
	for _, b := range db.bridges {
		if b.Name == link {
			args = []string{"set", "Bridge", link, column("other_config:hwaddr", mac)}
		}
	}
	_, err = s.vsctl(args...)
	return err
}
