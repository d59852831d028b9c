package state

import "strconv"

// Lease is an IPv4 address, with its routes, that a DHCP client of netrun's holds for a
// link. It is there while the client runs and the link has the address. The address itself,
// which has a lifetime, is no object; its routes carry Protocol.
type Lease struct {
	Scope    Scope  `json:"scope,omitempty" state:"key"`
	Link     string `json:"link" state:"key"`
	Hostname string `json:"hostname,omitempty" state:"fixed"`  // that the server is told
	ClientID string `json:"client_id,omitempty" state:"fixed"` // what the server knows the client by; unset, the host chooses
	// DefaultRoute: unset takes the server's default route where no other has its Metric.
	DefaultRoute *bool `json:"default_route,omitempty" state:"fixed"`
	Metric       int   `json:"metric,omitempty" state:"fixed"` // of the routes
	// Wait is for how many seconds the first lease is waited for; 0 is 10.
	Wait int `json:"wait,omitempty" state:"hint"`
	// Address, Gateway and Server are what a client was given, as observed. A lease that is
	// made again asks for the same address.
	Address string `json:"address,omitempty" state:"hint"` // with prefix length
	Gateway string `json:"gateway,omitempty" state:"hint"`
	Server  string `json:"server,omitempty" state:"hint"`
}

// LeaseKey is the key of the link's lease.
func LeaseKey(scope Scope, link string) Key { return Key{KindLease, scope, link} }

// Key implements Object.
func (l Lease) Key() Key { return LeaseKey(l.Scope, l.Link) }

// Needs implements Object.
func (l Lease) Needs() []Key { return []Key{LinkKey(l.Scope, l.Link)} }

// lease is dhclient: the client that most systems have.
func (e *explainer) lease(c Change, l Lease) {
	if c.Op == Delete {
		e.in(l.Scope, "dhclient", "-r", l.Link)
		return
	}
	words := []string{"dhclient"}
	words = option(words, "-H", l.Hostname)
	words = option(words, "-C", l.ClientID)
	if l.Metric != 0 {
		words = append(words, "-e", "IF_METRIC="+strconv.Itoa(l.Metric))
	}
	e.in(l.Scope, append(words, l.Link)...)
}
