package tasks

import (
	"errors"
	"strings"

	"netrun/tasks/state"
)

// lease is the DHCP client's part as a task of its own.
func (s *StaticIP) lease() *DHCP {
	return &DHCP{Dev: s.Interface, Hostname: s.Hostname, ClientID: s.ClientID, DefaultRoute: s.DefaultRoute, Wait: s.DHCPWait,
		State: s.State, Netns: s.Netns, Container: s.Container}
}

func (s *StaticIP) leases() []state.Object {
	if !s.DHCP {
		return nil
	}
	var out []state.Object
	for _, w := range s.lease().Want() {
		out = append(out, w.Object)
	}
	return out
}

// checkDHCP wants a link on which a server can be, and no argument that says nothing.
func (s *StaticIP) checkDHCP() error {
	if s.DHCP {
		return errors.Join(renamed(s.lease().Check(), "wait", "dhcp_wait"), s.checkServer())
	}
	var errs []error
	for _, a := range []struct {
		name  string
		given bool
	}{{"hostname", s.Hostname != ""}, {"client_id", s.ClientID != ""}, {"default_route", s.DefaultRoute != nil}} {
		if a.given {
			errs = append(errs, Wrong(a.name, "%s is for a DHCP server, which is not asked", a.name).WithHint("dhcp: true"))
		}
	}
	return errors.Join(errs...)
}

func (s *StaticIP) checkServer() error {
	switch {
	case s.Dummy:
		return Wrong("dhcp", "a link that leads nowhere finds no DHCP server")
	case s.IPvlanOn != "" && strings.HasPrefix(s.mode("l2"), "l3"):
		return Wrong("dhcp", "an ipvlan in mode %s lets no broadcast through, and finds no DHCP server", s.Mode).WithHint("mode: l2")
	case s.IPoIBOn != "":
		return Wrong("dhcp", "over InfiniBand there is no DHCP client here")
	}
	return nil
}
