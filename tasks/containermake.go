package tasks

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// The names that a container has before it replaces another, and after it was
// replaced or removed, until the play stands. Several of these are numbered.
const (
	newSuffix = ".netrun-new"
	oldSuffix = ".netrun-old"
)

// create makes the container under the name.
func (c *ContainerTask) create(ctx context.Context, cli *containerCLI, name string, t *trail) (box, error) {
	config, err := c.config()
	if err != nil {
		return box{}, err
	}
	args := []string{"create", "--name=" + name, "--label=" + ownerLabel + "=" + ownerName, "--label=" + configLabel + "=" + config}
	args = append(append(append(args, c.options()...), c.Image), c.words()...)
	id, err := cli.create(ctx, "create container "+c.Name, args, envLines(c.Env))
	b := box{id, name}
	if b.id == "" {
		b.id = name
	}
	switch {
	case err == nil:
		t.undoes(func(ctx context.Context) error { return cli.remove(ctx, b) })
	case ctx.Err() != nil: // a runtime that was told no more may have made it all the same
		t.undoes(func(ctx context.Context) error {
			if there, err := cli.container(ctx, name); err != nil || there == nil || there.Config.Labels[ownerLabel] == "" {
				return err
			}
			return cli.remove(ctx, box{name, name})
		})
	}
	return b, err
}

// options are those of docker create and podman create; each is one word, so that
// no value is taken for an option.
func (c *ContainerTask) options() []string {
	var out []string
	add := func(option string, values ...string) {
		for _, v := range values {
			if v != "" {
				out = append(out, "--"+option+"="+v)
			}
		}
	}
	for _, name := range sortedKeys(c.Labels) {
		add("label", name+"="+c.Labels[name])
	}
	if c.Group != "" {
		add("label", groupLabel+"="+c.Group)
	}
	add("network", c.Network)
	add("restart", c.Restart)
	add("volume", c.Volumes...)
	add("publish", c.Publish...)
	add("env-file", string(c.EnvFile))
	return out
}

func envLines(env map[string]string) string {
	var b strings.Builder
	for _, name := range sortedKeys(env) {
		b.WriteString(name + "=" + env[name] + "\n")
	}
	return b.String()
}

// recreate makes the new container first, and keeps the old one until the play
// stands: a wrong image or a port that is taken costs no container.
func (c *ContainerTask) recreate(ctx context.Context, cli *containerCLI, there *inspectedContainer, t *trail) error {
	taken, err := c.sweep(ctx, cli)
	if err != nil {
		return err
	}
	fresh, err := c.create(ctx, cli, c.Name+newSuffix, t)
	if err != nil {
		return err
	}
	if err := c.setAside(ctx, cli, there, taken, t); err != nil {
		return err
	}
	// Its name and its ports are what the old one gets back.
	t.undoes(func(ctx context.Context) error { return cli.remove(ctx, fresh) })
	if err := firmly(ctx, func(ctx context.Context) error { return cli.act(ctx, "rename", fresh.name, c.Name) }); err != nil {
		return err
	}
	if c.starts() || c.State == present && there.State.Running {
		return c.start(ctx, cli)
	}
	return nil
}

// setAside stops the container and takes its name away. It stays until the play
// stands, or gets its name back.
func (c *ContainerTask) setAside(ctx context.Context, cli *containerCLI, there *inspectedContainer, taken []string, t *trail) error {
	old := box{there.ID, c.Name}
	if there.State.Running {
		if err := c.stop(ctx, cli, old, t); err != nil {
			return err
		}
	}
	name := c.Name + oldSuffix
	for n := 2; contains(taken, name); n++ {
		name = c.Name + oldSuffix + strconv.Itoa(n)
	}
	if err := firmly(ctx, func(ctx context.Context) error { return cli.act(ctx, "rename", c.Name, name) }); err != nil {
		return err
	}
	held.Store(old.id, true)
	t.undoes(func(ctx context.Context) error {
		held.Delete(old.id)
		return cli.on(ctx, old, "rename", nil, c.Name)
	})
	t.keeps(func(ctx context.Context) error {
		held.Delete(old.id)
		return cli.remove(ctx, old)
	})
	return nil
}

// held are the ids of containers that the play of this process still needs for its undo.
var held sync.Map

// replaced lists the containers that were replaced or removed, or to replace another:
// what a play that was cut off left, and what this one holds for its undo.
func (c *ContainerTask) replaced(ctx context.Context, cli *containerCLI) (left, kept []string, err error) {
	out, err := cli.run(ctx, "list containers", cli.command("ps", "--all", "--no-trunc", "--filter=name="+c.Name+".netrun-", "--format={{.ID}} {{.Names}}"))
	if err != nil {
		return nil, nil, err
	}
	for _, line := range textLines(strings.TrimSpace(out.Stdout)) {
		id, names, _ := strings.Cut(line, " ")
		for _, name := range strings.Split(names, ",") {
			if name != c.Name+newSuffix && strings.TrimRight(name, "0123456789") != c.Name+oldSuffix {
				continue
			}
			if _, ours := held.Load(id); ours {
				kept = append(kept, name)
			} else {
				left = append(left, name)
			}
		}
	}
	return left, kept, nil
}

// sweep removes what a play that was cut off left: a container that never got its
// name, and those that had to give it. It says which of these names are taken still.
func (c *ContainerTask) sweep(ctx context.Context, cli *containerCLI) (taken []string, err error) {
	left, kept, err := c.replaced(ctx, cli)
	if err != nil {
		return nil, err
	}
	for _, name := range left {
		there, err := cli.container(ctx, name)
		if err != nil {
			return nil, err
		}
		if there == nil {
			continue
		}
		if there.Config.Labels[ownerLabel] == "" {
			return nil, &Failure{Msg: fmt.Sprintf("container %s is there, and is not netrun's: %s cannot be replaced", name, c.Name)}
		}
		if err := cli.act(ctx, "rm", "--force", name); err != nil {
			return nil, err
		}
	}
	return kept, nil
}
