package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"netrun/e2e/rig"
)

// wired is how many running containers get a cable, an address and a route.
const wired = 50

// away takes the cables away again: the bridge, and the host's ends.
const away = `ip link del br7 2>/dev/null
for l in $(ip -o link show type veth | sed -n 's/^[0-9]*: \(v[^d@][^@]*\)@.*/\1/p' | grep -E '^(veth1-|vb)'); do ip link del $l; done
true`

// containers measures the cables of running Docker containers beside a bare netlink
// loop that makes the same, and the watch that puts them back.
func (b *bench) containers(ctx context.Context) error {
	return b.withServices(ctx, 1, "docker", func(lab *rig.Lab) error {
		paths, err := b.startContainers(ctx, lab)
		if err != nil {
			return err
		}
		play, err := b.file("containers.yaml", containerPlay())
		if err != nil {
			return err
		}
		p := &player{b: b, lab: lab}
		hosts := []string{"node1"}
		if err := p.anyPing(ctx); err != nil {
			return err
		}
		host, err := lab.Host("node1")
		if err != nil {
			return err
		}
		samples, err := interleave(ctx, b.log, []contender{
			{"bare netlink loop", b.rounds, p.clean(hosts, away), func(ctx context.Context) error { return bareCables(ctx, host.Netns, paths) }},
			{"ip -batch, one process a namespace", b.rounds, p.clean(hosts, away), func(ctx context.Context) error {
				return p.everywhere(ctx, hosts, batchScript(paths))
			}},
			{"netrun, apply", b.rounds, p.clean(hosts, away), p.runs(play, true)},
			{"netrun, no change", b.rounds, nil, p.runs(play, false)},
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(b.out, "%d running containers, each with a cable to a bridge, an address and a route:\n\n%s", wired, timesTable(samples, "the bare loop"))
		fmt.Fprintf(b.out, "\npipework's own figure is 1.07 s a cable, which would be %.0f s.\n", 1.07*wired)
		return b.watched(ctx, lab)
	})
}

// withServices is withLab with services on each host.
func (b *bench) withServices(ctx context.Context, n int, services string, f func(*rig.Lab) error) (err error) {
	name := "bench-" + services
	fmt.Fprintf(b.log, "lab of %d hosts with %s\n", n, services)
	topology := filepath.Join(b.dir, name+".topology.yaml")
	text := strings.ReplaceAll(topologyOf(n), "{groups:", "{services: ["+services+"], groups:")
	if err := os.WriteFile(topology, []byte(text), 0o600); err != nil {
		return err
	}
	lab, err := rig.Up(ctx, b.netrun, name, filepath.Join(b.dir, name), "--topology", topology)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Down(context.WithoutCancel(ctx))) }()
	return f(lab)
}

// startContainers starts them, and gives the paths of their network namespaces on
// this machine, by number.
func (b *bench) startContainers(ctx context.Context, lab *rig.Lab) ([]string, error) {
	if err := lab.Import(ctx, "node1", "docker", "box"); err != nil {
		return nil, err
	}
	out, err := lab.Shell(ctx, "node1", fmt.Sprintf(`for i in $(seq %d); do docker run -d --init --network none --name c$i box sleep 100000 >/dev/null || exit 1; done
		for i in $(seq %d); do docker inspect -f '{{.State.Pid}}' c$i; done`, wired, wired))
	if err != nil {
		return nil, err
	}
	host, err := lab.Host("node1")
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, pid := range strings.Fields(out) {
		paths = append(paths, fmt.Sprintf("/proc/%d/root/proc/%s/ns/net", host.Pid, pid))
	}
	return paths, nil
}

func containerPlay() string {
	var items strings.Builder
	for i := range wired {
		fmt.Fprintf(&items, "\n  - {name: docker:c%d, address: 10.97.0.%d/24}", i+1, i+2)
	}
	return netrunPlay("node1", []string{
		"static_ip: {container: \"{{ .item.name }}\", bridge: br7, addresses: \"{{ .item.address }}\", announce: false, routes: [{to: 10.9.0.0/16, via: 10.97.0.1}]}\nloop:" + items.String(),
	})
}

// bareCables makes the same cables with netlink and nothing else.
func bareCables(ctx context.Context, hostPath string, paths []string) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread stays in the host's namespace
		done <- makeCables(ctx, hostPath, paths)
	}()
	return <-done
}

func makeCables(ctx context.Context, hostPath string, paths []string) error {
	host, err := netns.GetFromPath(hostPath)
	if err != nil {
		return err
	}
	defer host.Close()
	if err := netns.Set(host); err != nil {
		return err
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br7"}}
	if err := errors.Join(netlink.LinkAdd(bridge), netlink.LinkSetUp(bridge)); err != nil {
		return err
	}
	for i, path := range paths {
		if err := errors.Join(ctx.Err(), makeCable(i, bridge, path)); err != nil {
			return fmt.Errorf("container %d: %w", i+1, err)
		}
	}
	return nil
}

func makeCable(i int, bridge netlink.Link, path string) error {
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return err
	}
	defer ns.Close()
	inside, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer inside.Close()
	attrs := netlink.LinkAttrs{Name: fmt.Sprintf("vb%d", i), MasterIndex: bridge.Attrs().Index}
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth1", PeerNamespace: netlink.NsFd(ns)}); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+attrs.Name+"/disable_ipv6", []byte("1"), 0o644); err != nil {
		return err
	}
	near, err := netlink.LinkByName(attrs.Name)
	if err != nil {
		return err
	}
	far, err := inside.LinkByName("eth1")
	if err != nil {
		return err
	}
	address, err := netlink.ParseAddr(fmt.Sprintf("10.97.0.%d/24", i+2))
	if err != nil {
		return err
	}
	_, to, err := net.ParseCIDR("10.9.0.0/16")
	if err != nil {
		return err
	}
	return errors.Join(netlink.LinkSetUp(near), inside.AddrAdd(far, address), inside.LinkSetUp(far),
		inside.RouteAdd(&netlink.Route{Dst: to, Gw: net.IPv4(10, 97, 0, 1), LinkIndex: far.Attrs().Index}))
}

// batchScript makes the cables with iproute2: one ip -batch in the host, and one in
// each container's namespace.
func batchScript(paths []string) string {
	var host, script strings.Builder
	host.WriteString("link add br7 type bridge\nlink set br7 up\n")
	for i, path := range paths {
		pid := filepath.Base(strings.TrimSuffix(path, "/ns/net"))
		fmt.Fprintf(&host, "link add vb%d type veth peer name eth1 netns %s\nlink set vb%d master br7\nlink set vb%d up\n", i, pid, i, i)
		fmt.Fprintf(&script, "nsenter --net=/proc/%s/ns/net ip -batch - <<'E'\nlink set eth1 up\naddress add 10.97.0.%d/24 dev eth1\nroute add 10.9.0.0/16 via 10.97.0.1\nE\n", pid, i+2)
	}
	return "set -e\nip -batch - <<'E'\n" + host.String() + "E\n" + script.String()
}

// watched measures the watch while it has nothing to do, and what a restart costs.
func (b *bench) watched(ctx context.Context, lab *rig.Lab) error {
	script := `w=$(ls -t /var/lib/netrun/bin/netrun-helper-* | head -n 1)
setsid $w watch </dev/null >/var/log/netrun-watch.log 2>&1 & pid=$!
sleep 2; docker restart -t 0 c1 >/dev/null; sleep 1
ticks() { awk '{print $14+$15}' /proc/$pid/stat; }
before=$(ticks); sleep 20; after=$(ticks)
echo $((after-before)) $(awk '/VmRSS/{print $2}' /proc/$pid/status); kill $pid`
	out, err := lab.Shell(ctx, "node1", script)
	if err != nil {
		return err
	}
	var ticks, kib int64
	if _, err := fmt.Sscan(out, &ticks, &kib); err != nil {
		return fmt.Errorf("read %q: %w", out, err)
	}
	const tick = 10 * time.Millisecond // of /proc/PID/stat
	fmt.Fprintf(b.out, "\nThe watch, %d containers, after a restart of one: %s resident, %s of CPU in 20 s.\n", wired, mebibytes(kib<<10), time.Duration(ticks)*tick)
	return nil
}
