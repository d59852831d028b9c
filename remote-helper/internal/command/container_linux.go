package command

import (
	"context"
	"fmt"
	"strconv"

	"netrun/remote-helper/internal/containers"
	"netrun/tasks/state"
)

// finds is linuxhost.Config.Find.
type finds = func(ctx context.Context, names []string) (map[string][]state.Container, error)

// finder asks the runtimes for containers as objects.
func finder(f *containers.Finder) finds {
	return func(ctx context.Context, names []string) (map[string][]state.Container, error) {
		found, err := f.Find(ctx, names)
		out := make(map[string][]state.Container, len(found))
		for name, list := range found {
			for _, c := range list {
				out[name] = append(out[name], object(c))
			}
		}
		return out, err
	}
}

// running lists the containers that run.
func running(f *containers.Finder) func(ctx context.Context) ([]state.Container, error) {
	return func(ctx context.Context) ([]state.Container, error) {
		all, err := f.All(ctx)
		out := make([]state.Container, 0, len(all))
		for _, c := range all {
			out = append(out, object(c))
		}
		return out, err
	}
}

func object(c containers.Container) state.Container {
	o := state.Container{Name: string(c.Scope()), Scope: c.Scope(), ID: c.ID, Hostname: c.Hostname, Env: c.Env, HostsFile: c.HostsPath}
	if c.Pid > 0 {
		o.Pid = strconv.Itoa(c.Pid)
	}
	if c.NetworkMode == "host" {
		o.Problem = fmt.Sprintf("container %s has the host's own network", c.Name)
	}
	for _, a := range c.Addresses {
		o.Addresses = append(o.Addresses, a.String())
	}
	for _, p := range c.Exposed {
		o.Exposed = append(o.Exposed, fmt.Sprintf("%d/%s", p.Port, p.Proto))
	}
	for _, p := range c.Published {
		o.Published = append(o.Published, fmt.Sprintf("%d:%d/%s", p.HostPort, p.Port.Port, p.Proto))
	}
	return o
}
