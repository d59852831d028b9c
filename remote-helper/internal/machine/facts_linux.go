package machine

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Facts implements tasks.Machine. They are gathered once, when first asked for:
//
//	hostname, kernel, arch, os ("linux"), distribution, distribution_version, os_family, uid,
//	interfaces: {eth0: {mac, mtu, up, ipv4: [cidr], ipv6: [cidr]}}, default_ipv4: {interface, gateway}
func (m *Machine) Facts(_ context.Context) (map[string]any, error) {
	if m.facts != nil {
		return m.facts, nil
	}
	facts := map[string]any{"os": "linux", "arch": runtime.GOARCH, "uid": os.Getuid()}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return nil, fmt.Errorf("gather facts: uname: %w", err)
	}
	facts["kernel"] = unix.ByteSliceToString(uts.Release[:])
	facts["hostname"] = unix.ByteSliceToString(uts.Nodename[:])
	release := osRelease()
	facts["distribution"], facts["distribution_version"] = release["ID"], release["VERSION_ID"]
	facts["os_family"] = family(release)
	interfaces, err := interfaceFacts()
	if err != nil {
		return nil, err
	}
	facts["interfaces"] = interfaces
	facts["default_ipv4"] = defaultRoute()
	m.facts = facts
	return facts, nil
}

// osRelease reads os-release(5); a host without one has no distribution to name.
func osRelease() map[string]string {
	release := map[string]string{}
	raw, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return release
	}
	for _, line := range strings.Split(string(raw), "\n") {
		if k, v, ok := strings.Cut(line, "="); ok {
			release[k] = strings.Trim(v, `"'`)
		}
	}
	return release
}

func family(release map[string]string) string {
	likes := append(strings.Fields(release["ID_LIKE"]), release["ID"])
	for _, like := range likes {
		switch like {
		case "debian", "alpine", "arch", "suse":
			return like
		case "rhel", "fedora", "centos":
			return "redhat"
		}
	}
	return release["ID"]
}

func interfaceFacts() (map[string]any, error) {
	links, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("gather facts: list links: %w", err)
	}
	out := map[string]any{}
	for _, l := range links {
		addrs, err := l.Addrs()
		if err != nil {
			continue // it went away since it was listed
		}
		v4, v6 := []any{}, []any{}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
				v4 = append(v4, n.String())
			} else {
				v6 = append(v6, a.String())
			}
		}
		out[l.Name] = map[string]any{"mac": l.HardwareAddr.String(), "mtu": l.MTU, "up": l.Flags&net.FlagUp != 0, "ipv4": v4, "ipv6": v6}
	}
	return out, nil
}

// defaultRoute reads the IPv4 default route from /proc/net/route.
func defaultRoute() map[string]any {
	iface, gateway, ok := DefaultGateway()
	if !ok {
		return map[string]any{}
	}
	return map[string]any{"interface": iface, "gateway": gateway.String()}
}
