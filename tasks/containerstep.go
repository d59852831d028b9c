package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

// The labels on what netrun made: whose it is, a hash of each argument it was made
// from, and what it belongs to.
const (
	ownerLabel  = "netrun.owner"
	configLabel = "netrun.config"
	groupLabel  = "netrun.group"
	ownerName   = "netrun"
)

// containerStep is what a container task has to do; what is "" for nothing.
type containerStep struct {
	cli  *containerCLI
	what string
	do   func(context.Context, *trail) error
}

func (c *ContainerTask) step(ctx context.Context, m Machine) (containerStep, error) {
	cli, there, err := c.find(ctx, m)
	if err != nil {
		return containerStep{}, err
	}
	step := containerStep{cli: cli}
	if there == nil {
		return c.missing(ctx, step)
	}
	if err := c.mine(there); err != nil {
		return step, err
	}
	if c.State != absent && c.Image != "" {
		differs, err := c.differs(ctx, cli, there)
		if err != nil {
			return step, err
		}
		if len(differs) > 0 {
			step.what = fmt.Sprintf("recreate container %s: %s changed", c.Name, strings.Join(differs, ", "))
			step.do = func(ctx context.Context, t *trail) error { return c.recreate(ctx, cli, there, t) }
			return step, nil
		}
	}
	return c.inState(step, there), nil
}

// mine refuses a container that belongs to somebody else.
func (c *ContainerTask) mine(there *inspectedContainer) error {
	labels := there.Config.Labels
	if (c.Image != "" || c.State == absent) && labels[ownerLabel] == "" {
		return &Failure{Msg: fmt.Sprintf("container %s is there already, and is not netrun's: remove it, or choose another name", c.Name)}
	}
	if group := labels[groupLabel]; group != c.Group {
		return &Failure{Msg: fmt.Sprintf("container %s is there already, and belongs to %s, not to %s: remove it, or choose another name", c.Name, groupText(group), groupText(c.Group))}
	}
	return nil
}

func groupText(group string) string {
	if group == "" {
		return "no group"
	}
	return fmt.Sprintf("group %q", group)
}

// missing is the step where the container is not there.
func (c *ContainerTask) missing(ctx context.Context, step containerStep) (containerStep, error) {
	switch {
	case c.State == absent:
		return c.leftover(ctx, step)
	case c.Image == "":
		return step, &Failure{Msg: fmt.Sprintf("container %s is not there, and no image is given to make it from", c.Name)}
	}
	step.what = "create container " + c.Name + " from " + c.Image
	if c.starts() {
		step.what = "create and start container " + c.Name + " from " + c.Image
	}
	step.do = func(ctx context.Context, t *trail) error {
		if _, err := c.sweep(ctx, step.cli); err != nil {
			return err
		}
		if _, err := c.create(ctx, step.cli, c.Name, t); err != nil || !c.starts() {
			return err
		}
		return c.start(ctx, step.cli)
	}
	return step, nil
}

// leftover is the step where a removal was cut off before its play stood.
func (c *ContainerTask) leftover(ctx context.Context, step containerStep) (containerStep, error) {
	left, _, err := c.replaced(ctx, step.cli)
	if err != nil || len(left) == 0 {
		return step, err
	}
	step.what = "remove container " + strings.Join(left, ", ")
	step.do = func(ctx context.Context, t *trail) error {
		_, err := c.sweep(ctx, step.cli)
		return err
	}
	return step, nil
}

// inState is the step to the wanted state of a container that is as it should be.
func (c *ContainerTask) inState(step containerStep, there *inspectedContainer) containerStep {
	b := box{there.ID, c.Name}
	switch {
	case c.State == absent:
		step.what = "remove container " + c.Name
		step.do = func(ctx context.Context, t *trail) error {
			taken, err := c.sweep(ctx, step.cli)
			if err != nil {
				return err
			}
			return c.setAside(ctx, step.cli, there, taken, t)
		}
	case c.starts() && !there.State.Running:
		step.what = "start container " + c.Name
		step.do = func(ctx context.Context, t *trail) error {
			t.undoes(func(ctx context.Context) error { return c.unstart(ctx, step.cli, b) })
			return c.start(ctx, step.cli)
		}
	case c.State == "restarted":
		step.what = "restart container " + c.Name
		step.do = func(ctx context.Context, t *trail) error { return c.restart(ctx, step.cli, b, t) }
	case c.State == "stopped" && there.State.Running:
		step.what = "stop container " + c.Name
		step.do = func(ctx context.Context, t *trail) error { return c.stop(ctx, step.cli, b, t) }
	}
	return step
}

// starts reports whether the container is to run, whatever it did.
func (c *ContainerTask) starts() bool { return c.State == "started" || c.State == "restarted" }

// settings are the arguments that the container is made from; envFile is the hash
// of that file's content.
func (c *ContainerTask) settings(envFile string) map[string]any {
	all := map[string]any{"image": c.Image, "network": c.Network, "restart": c.Restart, "env_file": ""}
	if c.EnvFile != "" {
		all["env_file"] = string(c.EnvFile) + " " + envFile
	}
	for name, value := range all {
		if value == "" {
			delete(all, name)
		}
	}
	for name, list := range map[string][]string{"command": c.words(), "volumes": c.Volumes, "publish": c.Publish} {
		if len(list) > 0 {
			all[name] = list
		}
	}
	for name, values := range map[string]map[string]string{"env": c.Env, "labels": c.Labels} {
		if len(values) > 0 {
			all[name] = values
		}
	}
	return all
}

// config is the settings as the label has them: NAME=HASH,NAME=HASH.
func (c *ContainerTask) config() (string, error) {
	envFile := ""
	if c.EnvFile != "" {
		hash, err := hashFile(string(c.EnvFile))
		if err != nil {
			return "", fmt.Errorf("read env_file: %w", err)
		}
		envFile = hash
	}
	settings := c.settings(envFile)
	var words []string
	for _, name := range sortedKeys(settings) {
		raw, err := json.Marshal(settings[name]) // sorts the names of maps
		if err != nil {
			return "", fmt.Errorf("hash %s: %w", name, err)
		}
		sum := sha256.Sum256(raw)
		words = append(words, name+"="+hex.EncodeToString(sum[:6]))
	}
	return strings.Join(words, ","), nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// differs names the arguments that the container was made from with other values.
// An image that has been replaced under its name is one.
func (c *ContainerTask) differs(ctx context.Context, cli *containerCLI, there *inspectedContainer) ([]string, error) {
	config, err := c.config()
	if err != nil {
		return nil, err
	}
	names := differing(there.Config.Labels[configLabel], config)
	image, err := cli.image(ctx, c.Image)
	if err != nil {
		return nil, err
	}
	if image != nil && image.id() != trimDigest(there.Image) && !contains(names, "image") {
		names = append(names, "image")
		sort.Strings(names)
	}
	return names, nil
}

// differing are the names that stand in one of the two with another hash or not at all.
func differing(old, config string) []string {
	before, now := labelWords(old), labelWords(config)
	var names []string
	for name := range before {
		if now[name] == "" {
			names = append(names, name)
		}
	}
	for name, hash := range now {
		if before[name] != hash {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

func labelWords(label string) map[string]string {
	out := map[string]string{}
	for _, word := range strings.Split(label, ",") {
		if name, hash, ok := strings.Cut(word, "="); ok {
			out[name] = hash
		}
	}
	return out
}
