package containers

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// inspected is the part that we need of what `docker inspect` and `podman inspect`
// say of a container; the two agree on it.
type inspected struct {
	ID    string `json:"Id"`
	Name  string
	State struct{ Pid int }
	// Docker's container has no ImageName, and its Image is an id.
	Config struct {
		Hostname, Image string
		Env             []string
		Labels          map[string]string
		ExposedPorts    map[string]struct{}
	}
	HostConfig      struct{ NetworkMode string }
	NetworkSettings struct {
		endpoint
		Ports    map[string][]binding
		Networks map[string]endpoint
	}
	HostsPath string
}

// binding is where a port is published.
type binding struct{ HostIP, HostPort string }

// endpoint is a container's end in a network.
type endpoint struct {
	IPAddress           string
	IPPrefixLen         int
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
}

func (in inspected) container(runtime, user string) Container {
	c := Container{Runtime: runtime, User: user, ID: in.ID, Name: strings.TrimPrefix(in.Name, "/"), Pid: in.State.Pid,
		Labels: in.Config.Labels, Image: in.Config.Image, Hostname: in.Config.Hostname, Env: in.Config.Env,
		Exposed: in.exposed(), Published: in.published(), Addresses: in.addresses(), NetworkMode: in.HostConfig.NetworkMode, HostsPath: in.HostsPath}
	// Docker's own word for "nothing was asked for".
	if c.NetworkMode == "default" {
		c.NetworkMode = "bridge"
	}
	return c
}

// exposed reads "80/tcp". podman before 5 has them only among the ports.
func (in inspected) exposed() []Port {
	var out []Port
	add := func(text string) {
		number, proto, _ := strings.Cut(text, "/")
		n, err := strconv.ParseUint(number, 10, 16)
		if err == nil && !slices.Contains(out, Port{int(n), proto}) {
			out = append(out, Port{int(n), proto})
		}
	}
	for text := range in.Config.ExposedPorts {
		add(text)
	}
	for text := range in.NetworkSettings.Ports {
		add(text)
	}
	slices.SortFunc(out, func(a, b Port) int { return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Proto, b.Proto)) })
	return out
}

// published reads "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}].
func (in inspected) published() []Publication {
	var out []Publication
	for text, bindings := range in.NetworkSettings.Ports {
		number, proto, _ := strings.Cut(text, "/")
		port, err := strconv.Atoi(number)
		for _, b := range bindings {
			host, err2 := strconv.Atoi(b.HostPort)
			ip, err3 := netip.ParseAddr(b.HostIP)
			p := Publication{host, Port{port, proto}}
			if err != nil || err2 != nil || err3 == nil && ip.IsLoopback() || slices.Contains(out, p) {
				continue
			}
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Publication) int {
		return cmp.Or(cmp.Compare(a.Port.Port, b.Port.Port), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.HostPort, b.HostPort))
	})
	return out
}

func (in inspected) addresses() []netip.Prefix {
	var out []netip.Prefix
	for _, e := range in.NetworkSettings.Networks {
		out = e.appendTo(out)
	}
	out = in.NetworkSettings.appendTo(out)
	slices.SortFunc(out, func(a, b netip.Prefix) int { return cmp.Or(a.Addr().Compare(b.Addr()), a.Bits()-b.Bits()) })
	return slices.Compact(out)
}

func (e endpoint) appendTo(out []netip.Prefix) []netip.Prefix {
	add := func(text string, bits int) {
		if a, err := netip.ParseAddr(text); err == nil && bits >= 0 && bits <= a.BitLen() {
			out = append(out, netip.PrefixFrom(a, bits))
		}
	}
	add(e.IPAddress, e.IPPrefixLen)
	add(e.GlobalIPv6Address, e.GlobalIPv6PrefixLen)
	return out
}
