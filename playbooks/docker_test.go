package playbooks

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"netrun/tasks"
	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// testDocker is a Docker of few words: its containers run until they are removed, and
// have a network namespace of their name with an address of docker0's.
type testDocker struct {
	host  *testHost
	boxes map[string]*testBox
	made  int
}

type testBox struct {
	id      int
	labels  []string
	running bool
}

func (d *testDocker) run(ctx context.Context, argv []string) (tasks.Output, error) {
	last := argv[len(argv)-1]
	switch argv[1] {
	case "inspect":
		return d.inspect(argv[2], last), nil
	case "create":
		return d.create(argv[2:]), nil
	case "start":
		name, b := d.find(last)
		if b == nil {
			return tasks.Output{Stderr: "Error: No such container: " + last, Status: 1}, nil
		}
		b.running = true
		return tasks.Output{}, d.wire(ctx, name, b)
	}
	return tasks.Output{}, nil
}

func (d *testDocker) find(word string) (string, *testBox) {
	for name, b := range d.boxes {
		if name == word || fmt.Sprint("box", b.id) == word {
			return name, b
		}
	}
	return "", nil
}

func (d *testDocker) inspect(sort, word string) tasks.Output {
	_, b := d.find(word)
	switch {
	case sort == "--type=image":
		return tasks.Output{Stdout: `[{"Id":"image"}]`}
	case b == nil:
		return tasks.Output{Stderr: "Error: No such object: " + word, Status: 1}
	}
	return tasks.Output{Stdout: fmt.Sprintf(`[{"Id":"box%d","Image":"image","State":{"Running":%v},"Config":{"Labels":{%s}}}]`, b.id, b.running, strings.Join(b.labels, ","))}
}

func (d *testDocker) create(args []string) tasks.Output {
	d.made++
	b := &testBox{id: d.made}
	for _, arg := range args {
		if label, ok := strings.CutPrefix(arg, "--label="); ok {
			name, value, _ := strings.Cut(label, "=")
			b.labels = append(b.labels, fmt.Sprintf("%q:%q", name, value))
		}
		if name, ok := strings.CutPrefix(arg, "--name="); ok {
			d.boxes[name] = b
		}
	}
	return tasks.Output{Stdout: fmt.Sprintf("box%d\n", b.id)}
}

// wire gives the container its namespace.
func (d *testDocker) wire(ctx context.Context, name string, b *testBox) error {
	scope := state.Scope("netns:" + name)
	docker0 := netip.MustParsePrefix("172.17.0.1/16")
	address := docker0.Addr()
	for range b.id {
		address = address.Next()
	}
	objects := []state.Object{
		state.Netns{Name: name},
		state.Link{Name: fmt.Sprint("box", b.id), Type: "veth", State: "up", Peer: "eth0", PeerScope: scope},
		state.Member{Link: fmt.Sprint("box", b.id), Bridge: "docker0"},
		state.Link{Scope: scope, Name: "eth0", Type: "veth", State: "up"},
		state.Address{Scope: scope, Link: "eth0", Prefix: netip.PrefixFrom(address, docker0.Bits())},
		state.Route{Scope: scope, Dst: netip.MustParsePrefix("0.0.0.0/0"), Via: docker0.Addr().String(), Dev: "eth0"},
	}
	p := reconcile.New(d.host.fake, reconcile.Options{Owner: "docker"})
	if _, err := p.Plan(ctx, 0, state.Present(objects...)); err != nil {
		return err
	}
	return p.Apply(ctx)
}
