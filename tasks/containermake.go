package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// The names that a container has while it is replaced.
const (
	newSuffix = ".netrun-new"
	oldSuffix = ".netrun-old"
)

// create makes the container under the name.
func (c *ContainerTask) create(ctx context.Context, cli *containerCLI, name string) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	args := append([]string{"create", "--name=" + name, "--label=" + ownerLabel + "=" + ownerName, "--label=" + configLabel + "=" + config}, c.options()...)
	args = append(append(args, c.Image), c.words()...)
	return cli.create(ctx, "create container "+c.Name, args, envLines(c.Env))
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

// recreate makes the new container first, and gives the old one back if the new
// one does not start: a wrong image or a port that is taken costs no container.
func (c *ContainerTask) recreate(ctx context.Context, cli *containerCLI, running bool) error {
	if err := c.sweep(ctx, cli); err != nil {
		return err
	}
	if err := c.create(ctx, cli, c.Name+newSuffix); err != nil {
		return err
	}
	if err := c.replace(ctx, cli, running); err != nil {
		return withUndo(ctx, err, func(ctx context.Context) error { return c.giveBack(ctx, cli, running) })
	}
	return cli.act(ctx, "rm", "--force", c.Name+oldSuffix)
}

func (c *ContainerTask) replace(ctx context.Context, cli *containerCLI, running bool) error {
	if err := c.stop(ctx, cli, running); err != nil {
		return err
	}
	if err := cli.act(ctx, "rename", c.Name, c.Name+oldSuffix); err != nil {
		return err
	}
	if err := cli.act(ctx, "rename", c.Name+newSuffix, c.Name); err != nil {
		return err
	}
	if c.State == "started" || c.State == present && running {
		return cli.act(ctx, "start", c.Name)
	}
	return nil
}

// giveBack undoes a replacement that went wrong, wherever it was.
func (c *ContainerTask) giveBack(ctx context.Context, cli *containerCLI, running bool) error {
	old, err := cli.container(ctx, c.Name+oldSuffix)
	if err != nil {
		return err
	}
	var errs []error
	fresh := c.Name + newSuffix
	if old != nil {
		if there, err := cli.container(ctx, fresh); err == nil && there == nil {
			fresh = c.Name
		}
	}
	errs = append(errs, cli.act(ctx, "rm", "--force", fresh))
	if old != nil {
		errs = append(errs, cli.act(ctx, "rename", c.Name+oldSuffix, c.Name))
	}
	if running {
		errs = append(errs, cli.act(ctx, "start", c.Name))
	}
	return errors.Join(errs...)
}

// sweep removes what a replacement that was cut off left: a container that never
// got its name, and one that had to give it.
func (c *ContainerTask) sweep(ctx context.Context, cli *containerCLI) error {
	for _, name := range []string{c.Name + newSuffix, c.Name + oldSuffix} {
		left, err := cli.container(ctx, name)
		if err != nil {
			return err
		}
		if left == nil {
			continue
		}
		if left.Config.Labels[ownerLabel] == "" {
			return &Failure{Msg: fmt.Sprintf("container %s is there, and is not netrun's: %s cannot be replaced", name, c.Name)}
		}
		if err := cli.act(ctx, "rm", "--force", name); err != nil {
			return err
		}
	}
	return nil
}
