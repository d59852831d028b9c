package tasks

import (
	"context"
	"errors"
	"fmt"
)

// find finds the runtime that the container is of, and the container, nil where there
// is none. With auto it is podman's where Docker has none of that name and podman has
// it: another one of Docker's beside it would be nobody's wish.
func (c *ContainerTask) find(ctx context.Context, m Machine) (*containerCLI, *inspectedContainer, error) {
	cli, err := findContainerCLI(ctx, m, c.Runtime, c.User)
	if err != nil {
		return nil, nil, err
	}
	there, err := cli.container(ctx, c.Name)
	if err != nil || there != nil || c.Runtime != "auto" || cli.program == "podman" || diskOf(m).Find("podman") == "" {
		return cli, there, err
	}
	podman, err := findContainerCLI(ctx, m, "podman", "")
	if err != nil {
		return nil, nil, err
	}
	there, has, err := c.has(ctx, podman)
	switch {
	case has:
		return podman, there, nil
	case err != nil && !c.withoutPodman(err):
		return nil, nil, fmt.Errorf("%w (runtime: docker asks Docker alone)", err)
	}
	return cli, nil, nil
}

// has reports whether the runtime has the container, or what a play that was cut off
// left of it.
func (c *ContainerTask) has(ctx context.Context, cli *containerCLI) (*inspectedContainer, bool, error) {
	there, err := cli.container(ctx, c.Name)
	if err != nil || there != nil {
		return there, err == nil, err
	}
	left, _, err := c.replaced(ctx, cli)
	return nil, len(left) > 0, err
}

// withoutPodman reports whether Docker makes the container though podman could not be
// asked. A podman that says that it does not work keeps no container of Docker's from
// being made. One that does not answer in time, or in words that nobody knows, may
// have the container; and no container is said to be gone that podman may have.
func (c *ContainerTask) withoutPodman(err error) bool {
	var said *Failure
	return errors.As(err, &said) && c.Image != "" && c.State != absent
}
