package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// box is a container by its id, which stays its own, and the name that people know.
type box struct{ id, name string }

// trail is how to go back from what a step has done so far, and what to let go of
// when nobody will.
type trail struct {
	back, kept []func(context.Context) error
}

func (t *trail) undoes(f func(context.Context) error) { t.back = append(t.back, f) }
func (t *trail) keeps(f func(context.Context) error)  { t.kept = append(t.kept, f) }

// undo goes back as far as it can, last first.
func (t *trail) undo(ctx context.Context) error {
	var errs []error
	for _, f := range slices.Backward(t.back) {
		errs = append(errs, f(ctx))
	}
	return errors.Join(errs...)
}

func (t *trail) keep(ctx context.Context) error {
	var errs []error
	for _, f := range t.kept {
		errs = append(errs, f(ctx))
	}
	return errors.Join(errs...)
}

// onto adds the ways to the outcome of what was done.
func (t *trail) onto(out Outcome) Outcome {
	if len(t.back) > 0 {
		out.Undo = t.undo
	}
	if len(t.kept) > 0 {
		out.Keep = t.keep
	}
	return out
}

// putBack goes back at once because of err; what it could not is said too.
func (t *trail) putBack(ctx context.Context, err error) (Outcome, error) {
	if undoErr := firmly(ctx, t.undo); undoErr != nil {
		return Outcome{}, fmt.Errorf("%w; and putting it back: %w", err, undoErr)
	}
	return Outcome{Undo: NothingLeft}, err
}

// firmly does what must not be cut off half way. It is short, and bounded.
func firmly(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return f(ctx)
}

// undoPatience is what a container has to end by itself when it is stopped for an
// undo, whatever its task says: the undo as a whole has a minute.
const undoPatience = 20 * time.Second

// patience are the options of docker stop, with no more time than limit; 0 is no limit.
func (c *ContainerTask) patience(limit time.Duration) []string {
	seconds := c.StopTimeout
	if limit > 0 {
		seconds = min(seconds, int(limit/time.Second))
	}
	return []string{"-t", strconv.Itoa(seconds)}
}

// stop stops a container that runs. A runtime goes on with it when it is told no
// more, so that only another stop knows when one that was cut off is through.
func (c *ContainerTask) stop(ctx context.Context, cli *containerCLI, b box, t *trail) error {
	err := cli.act(ctx, append(append([]string{"stop"}, c.patience(0)...), c.Name)...)
	t.undoes(func(ctx context.Context) error {
		if err != nil {
			if err := cli.on(ctx, b, "stop", c.patience(undoPatience)); err != nil {
				return err
			}
		}
		return cli.on(ctx, b, "start", nil)
	})
	return err
}

// unstart stops a container that had not run. podman stops none that it never started.
func (c *ContainerTask) unstart(ctx context.Context, cli *containerCLI, b box) error {
	if now, err := cli.container(ctx, b.id); err != nil || now == nil || !now.State.Running {
		return err
	}
	return cli.on(ctx, b, "stop", c.patience(undoPatience))
}

// restart leaves nothing to undo: the container runs as it did.
func (c *ContainerTask) restart(ctx context.Context, cli *containerCLI, b box, t *trail) error {
	if err := c.stop(ctx, cli, b, t); err != nil {
		return err
	}
	if err := c.start(ctx, cli); err != nil {
		return err
	}
	t.back = nil
	return nil
}

// start starts the container, and waits until that counts.
func (c *ContainerTask) start(ctx context.Context, cli *containerCLI) error {
	if err := firmly(ctx, func(ctx context.Context) error { return cli.act(ctx, "start", c.Name) }); err != nil || c.Settle == 0 {
		return err
	}
	return c.settled(ctx, cli)
}
