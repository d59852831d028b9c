package tasks

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"netrun/tasks/state"
)

// DHCP has a DHCP client hold an IPv4 address for a link.
type DHCP struct {
	Dev          IfName        `arg:"dev,required" doc:"the link that gets the address; it is there and up"`
	Hostname     Hostname      `arg:"hostname" doc:"name that the server is told; unset, that of the container, none on the host itself"`
	ClientID     string        `arg:"client_id" doc:"what the server is to know the client by; unset, made from the machine, the container and the link; on the host itself, the link's MAC address"`
	DefaultRoute *bool         `arg:"default_route" doc:"whether the server's default route is taken; unset, it is where no other one has its metric"`
	Metric       int           `arg:"metric" doc:"metric of the routes"`
	Wait         time.Duration `arg:"wait" default:"10s" doc:"how long the first lease is waited for; a bridge with spanning tree takes 30 seconds before it lets anything through"`
	State        string        `arg:"state" default:"present" choices:"present,absent" doc:"absent gives the lease back and ends the client"`
	Netns        Netns         `arg:"netns" doc:"network namespace of the link, as ip netns lists it"`
	Container    Container     `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

// Hostname is a name as DHCP and DNS take it: letters, digits and dashes, with dots between.
type Hostname string

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hostname) UnmarshalText(text []byte) error {
	if hostname(string(text)) != string(text) || len(text) == 0 {
		return fmt.Errorf("%q is not a host name: letters, digits, dashes and dots are wanted, 63 of them between dots at most", text)
	}
	*h = Hostname(text)
	return nil
}

func init() {
	Register(Kind{Name: "dhcp", Short: "an address from a DHCP server", Free: "dev", New: func() Task { return new(DHCP) }})
}

func (d *DHCP) place() place { return place{d.Netns, d.Container} }

// Check implements Task.
func (d *DHCP) Check() error {
	errs := []error{d.place().check(), checkLine("client_id", d.ClientID), checkWait(d.Wait)}
	if len(d.ClientID) > 254 {
		errs = append(errs, Wrong("client_id", "it has %d bytes: 254 fit into a message", len(d.ClientID)))
	}
	if d.Metric < 0 {
		errs = append(errs, Wrong("metric", "%d is less than nothing", d.Metric))
	}
	if d.Dev == "lo" {
		errs = append(errs, Wrong("dev", "nobody answers on lo"))
	}
	return errors.Join(errs...)
}

// checkWait bounds what holds up everything else on the host.
func checkWait(d time.Duration) error {
	if d < time.Second || d > 5*time.Minute {
		return Wrong("wait", "%s is not between 1s and 5m", d)
	}
	return nil
}

// Want implements Wanter.
func (d *DHCP) Want() []state.Want {
	l := state.Lease{Scope: d.place().scope(), Link: string(d.Dev), Hostname: string(d.Hostname), ClientID: d.ClientID,
		DefaultRoute: d.DefaultRoute, Metric: d.Metric, Wait: int(d.Wait / time.Second)}
	if d.State == absent {
		return state.Absent(l)
	}
	if l.Hostname == "" {
		l.Hostname = scopeHostname(l.Scope)
	}
	return state.Present(l)
}

// scopeHostname is the name of a container as a host name.
func scopeHostname(scope state.Scope) string {
	if sort, _ := scope.Split(); sort == "" || sort == "pid" {
		return ""
	}
	return hostname(strings.ReplaceAll(scope.Bare(), "/", "-"))
}

// hostname makes a host name of the text: what cannot be in one becomes a dash.
func hostname(text string) string {
	labels := strings.Split(text, ".")
	for i, l := range labels {
		l = strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
				return r
			}
			return '-'
		}, l)
		labels[i] = strings.Trim(l[:min(len(l), 63)], "-")
	}
	out := strings.Join(labels, ".")
	return strings.Trim(out[:min(len(out), 253)], ".")
}
