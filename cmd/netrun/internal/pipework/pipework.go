// Package pipework reads the command line of pipework, a shell script that gave
// containers further network links, and says which tasks it stands for.
//
// It is pure: it knows the words, and no host. What pipework found out on the host
// (is the link a bridge?), it tells by the name, or is told.
package pipework

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Usage is the forms that Parse reads.
const Usage = `<hostinterface> [-i containerinterface] [-l localinterfacename] [-a addressfamily] <guest> <ipaddr>/<subnet>[@default_gateway] [macaddr][@vlan]
<hostinterface> [-i ..] [-l ..] <guest> dhcp [macaddr][@vlan]
mac:<hostinterface_macaddress> ...
--direct-phys <hostinterface> ...
route <guest> <ip route arguments>
rule <guest> <ip rule arguments>
tc <guest> <tc arguments>
--wait [-i containerinterface] [guest]`

// Task is a task kind and its arguments, in order.
type Task struct {
	Kind string
	Args []Arg
}

// Arg is one argument: a text, a true, or a list of texts or maps. At is the word of
// the command line that it came from, counted from 0; -1 for none.
type Arg struct {
	Name  string
	Value any
	At    int
}

func (t *Task) add(at int, name string, value any) {
	t.Args = append(t.Args, Arg{name, value, at})
}

// Error is a mistake in the command line.
type Error struct {
	At  int // the word, counted from 0
	Msg string
}

// Error implements error.
func (e *Error) Error() string { return e.Msg }

func wrong(at int, format string, a ...any) error {
	return &Error{at, fmt.Sprintf(format, a...)}
}

// Way says what the host's interface is, where the name may not tell.
type Way string

// The ways in which a container gets to a network. Auto goes by the interface's name.
const (
	Auto    Way = ""
	Bridge  Way = "bridge"
	Macvlan Way = "macvlan"
)

// Parse reads the words that follow pipework on its command line.
func Parse(args []string, way Way) ([]Task, error) {
	if len(args) == 0 {
		return nil, wrong(0, "what is it to do? pipework's forms are:\n%s", Usage)
	}
	switch args[0] {
	case "route":
		return one(route(args))
	case "rule":
		return one(rule(args))
	case "tc":
		return one(queue(args))
	case "--wait":
		return one(wait(args))
	}
	c := &call{args: args, way: way}
	if err := c.read(); err != nil {
		return nil, err
	}
	return c.tasks()
}

func one(t *Task, err error) ([]Task, error) {
	if err != nil {
		return nil, err
	}
	return []Task{*t}, nil
}

// word is a word of the command line and its place; at is -1 where it is missing.
type word struct {
	text string
	at   int
}

// call is pipework's own form: a link for a guest.
type call struct {
	args   []string
	way    Way
	direct bool

	host, inside, local, family word
	guest, address, mac         word
}

// read finds out which word is which. pipework wants the options right after the
// interface; here they may stand anywhere.
func (c *call) read() error {
	for _, w := range []*word{&c.host, &c.inside, &c.local, &c.family, &c.guest, &c.address, &c.mac} {
		w.at = -1
	}
	options := map[string]*word{"-i": &c.inside, "-l": &c.local, "-a": &c.family}
	plain := []*word{&c.host, &c.guest, &c.address, &c.mac}
	for i := 0; i < len(c.args); i++ {
		text := c.args[i]
		if option := options[text]; option != nil {
			if i+1 == len(c.args) {
				return wrong(i, "%s needs a value", text)
			}
			i++
			*option = word{c.args[i], i}
			continue
		}
		switch {
		case text == "--direct-phys":
			c.direct = true
		case strings.HasPrefix(text, "-"):
			return wrong(i, "pipework has no option %s", text)
		case len(plain) == 0:
			return wrong(i, "%q is a word too many; pipework's forms are:\n%s", text, Usage)
		default:
			*plain[0] = word{text, i}
			plain = plain[1:]
		}
	}
	if c.address.at < 0 {
		return wrong(len(c.args), "an interface of the host, a guest and an address (or dhcp) are wanted; pipework's forms are:\n%s", Usage)
	}
	return nil
}

// tasks are what the call stands for.
func (c *call) tasks() ([]Task, error) {
	link := Task{Kind: "static_ip"}
	link.add(c.guest.at, "container", c.guest.text)
	mac, vlan, err := c.splitMAC()
	if err != nil {
		return nil, err
	}
	before, err := c.connect(&link, vlan)
	if err != nil {
		return nil, err
	}
	inside := word{"eth1", c.host.at}
	if c.ipoib() {
		inside.text = "ib0"
	}
	if c.inside.at >= 0 {
		inside = c.inside
	}
	link.add(inside.at, "interface", inside.text)
	client, err := c.addressing(&link, inside)
	if err != nil {
		return nil, err
	}
	if mac.text != "" {
		if c.ipoib() {
			return nil, wrong(mac.at, "an InfiniBand link has the address that it has: leave %s out", mac.text)
		}
		link.add(mac.at, "mac", mac.text)
	}
	out := append(before, link)
	if client != nil {
		out = append(out, *client)
	}
	return out, nil
}

// splitMAC takes macaddr and vlan apart: 26:2e:71:98:60:8f@10, U:name@10, @10.
func (c *call) splitMAC() (mac, vlan word, err error) {
	text, tag, tagged := strings.Cut(c.mac.text, "@")
	mac, vlan = word{text, c.mac.at}, word{tag, c.mac.at}
	if tagged && tag == "" {
		return mac, vlan, wrong(c.mac.at, "%q: which VLAN is meant after the @?", c.mac.text)
	}
	return mac, vlan, nil
}

// number is the VLAN as a number.
func (w word) number() (int, error) {
	n, err := strconv.Atoi(w.text)
	if err != nil || n < 1 || n > 4094 {
		return 0, wrong(w.at, "@%s is not a VLAN: a number from 1 to 4094 is wanted", w.text)
	}
	return n, nil
}

func (c *call) ipoib() bool { return !c.direct && c.way == Auto && digits(c.host.text, "ib") }

// digits reports whether the name is the prefix and then a digit, as in ib0 or dummy1.
func digits(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && rest != "" && rest[0] >= '0' && rest[0] <= '9'
}

// connect says how the link gets to the host's interface.
func (c *call) connect(link *Task, vlan word) ([]Task, error) {
	host, at := c.host.text, c.host.at
	if mac, byMAC := strings.CutPrefix(host, "mac:"); byMAC && vlan.text != "" {
		return nil, wrong(vlan.at, "the VLAN's link is named after the interface below: give that by its name instead of mac:%s", mac)
	}
	switch {
	case c.direct:
		return c.physical(link, vlan)
	case c.ipoib():
		link.add(at, "ipoib_on", host)
		if vlan.text != "" {
			link.add(vlan.at, "pkey", vlan.text)
		}
		return nil, nil
	case c.way == Auto && (host == "dummy" || digits(host, "dummy")):
		if vlan.text != "" {
			return nil, wrong(vlan.at, "a dummy link has no VLAN")
		}
		link.add(at, "dummy", true)
		return nil, nil
	case c.way == Bridge || c.way == Auto && IsBridge(host):
		return nil, c.bridge(link, vlan)
	}
	link.add(at, "macvlan_on", host)
	return nil, addNumber(link, "vlan", vlan)
}

func (c *call) bridge(link *Task, vlan word) error {
	link.add(c.host.at, "bridge", c.host.text)
	if c.local.at >= 0 {
		link.add(c.local.at, "host_interface", c.local.text)
	}
	return addNumber(link, "tag", vlan)
}

func addNumber(t *Task, name string, vlan word) error {
	if vlan.text == "" {
		return nil
	}
	n, err := vlan.number()
	if err != nil {
		return err
	}
	t.add(vlan.at, name, n)
	return nil
}

// physical moves the interface itself, or a VLAN of it.
func (c *call) physical(link *Task, vlan word) ([]Task, error) {
	if vlan.text == "" {
		link.add(c.host.at, "nic", c.host.text)
		return nil, nil
	}
	n, err := vlan.number()
	if err != nil {
		return nil, err
	}
	below := Task{Kind: "vlan"}
	below.add(c.host.at, "link", c.host.text)
	below.add(vlan.at, "id", n)
	link.add(c.host.at, "nic", fmt.Sprintf("%s.%d", c.host.text, n))
	return []Task{below}, nil
}

// IsBridge reports whether people give bridges such a name: br0, ovsbr0, docker0,
// virbr0, lxcbr0, br-3f1c.
func IsBridge(name string) bool {
	for _, prefix := range []string{"br", "ovs", "docker", "virbr", "lxcbr", "lxdbr", "podman", "cni", "vmbr"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// addressing is the address and its gateway, or a DHCP client.
func (c *call) addressing(link *Task, inside word) (*Task, error) {
	text, at := c.address.text, c.address.at
	if name, options, _ := strings.Cut(text, ":"); clients[name] {
		client := &Task{Kind: "dhcp"}
		client.add(c.guest.at, "container", c.guest.text)
		client.add(inside.at, "dev", inside.text)
		return client, clientOptions(client, word{options, at})
	}
	address, gateway, routed := strings.Cut(text, "@")
	if address == "0/0" {
		if routed {
			return nil, wrong(at, "a gateway needs an address")
		}
		return nil, nil
	}
	prefix, err := parseAddress(at, address)
	if err != nil {
		return nil, err
	}
	if err := c.checkFamily(prefix); err != nil {
		return nil, err
	}
	link.add(at, "addresses", prefix.String())
	if prefix.Addr().Is4() {
		link.add(-1, "broadcast", true)
	}
	if routed {
		via, err := netip.ParseAddr(gateway)
		if err != nil {
			return nil, wrong(at, "%q is not the address of a gateway", gateway)
		}
		link.add(at, "gateway", via.String())
	}
	return nil, nil
}

func parseAddress(at int, text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, wrong(at, "%q is neither an address with its netmask, such as 192.168.1.10/24, nor dhcp nor 0/0", text)
		}
		usual := 24
		if ip.Is6() {
			usual = 64
		}
		return netip.Prefix{}, wrong(at, "the netmask is missing. Maybe you meant %s/%d?", ip, usual)
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return prefix, wrong(at, "%q is not an address with its netmask, such as 192.168.1.10/24", text)
	}
	return prefix, nil
}

// checkFamily wants -a to be true of the address.
func (c *call) checkFamily(prefix netip.Prefix) error {
	if c.family.at < 0 {
		return nil
	}
	six, known := map[string]bool{"4": false, "inet": false, "6": true, "inet6": true}[c.family.text]
	switch {
	case !known:
		return wrong(c.family.at, "-a %s: the address families are 4 and 6", c.family.text)
	case six != prefix.Addr().Is6():
		return wrong(c.address.at, "%s is not of the family of -a %s", prefix, c.family.text)
	}
	return nil
}
