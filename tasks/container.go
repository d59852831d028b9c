package tasks

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"netrun/tasks/state"
)

// ContainerTask is a container of Docker or podman. (Container is the argument that
// names one.)
type ContainerTask struct {
	Name        string            `arg:"name,required" doc:"name of the container"`
	Image       string            `arg:"image" doc:"image to make it from, pulled if it is not there; without one, only a container that is there is started, stopped or removed"`
	Command     []string          `arg:"command" doc:"what to run in it instead of the image's own command: a list of words, or one text that is split into words as for the task command"`
	Env         map[string]string `arg:"env,secret" doc:"environment variables; the values are shown nowhere"`
	EnvFile     FilePath          `arg:"env_file" doc:"file on the host with more of them, NAME=VALUE in each line"`
	Volumes     []string          `arg:"volumes" doc:"as docker run -v takes them: /on/host:/in/container[:ro]"`
	Network     string            `arg:"network" doc:"none, bridge, or the name of one of the runtime's networks; unset, the runtime's default"`
	Restart     string            `arg:"restart" doc:"no, always, unless-stopped, on-failure or on-failure:TIMES; unset, no"`
	Labels      map[string]string `arg:"labels" doc:"labels"`
	Links       []any             `arg:"links" doc:"links in it, as the task link takes them; they are made each time it starts"`
	LinkPorts   map[string]any    `arg:"link_ports" doc:"what container_info registered, by host: for links to HOST/CONTAINER. Unset, those hosts are asked"`
	Publish     []string          `arg:"publish" doc:"ports, as docker run -p takes them"`
	Group       string            `arg:"group" doc:"what it belongs to; a container of that name that belongs to another group is refused"`
	Settle      time.Duration     `arg:"settle" default:"0" doc:"how long a started container has to keep running to count as started"`
	StopTimeout int               `arg:"stop_timeout" default:"10" doc:"seconds that it has to end by itself when it is stopped"`
	Runtime     string            `arg:"runtime" default:"auto" choices:"auto,docker,podman" doc:"auto: where the container is; else docker where it is installed, else podman"`
	User        string            `arg:"user" doc:"user whose container it is, with rootless podman"`
	State       string            `arg:"state" default:"started" choices:"present,started,restarted,stopped,absent" doc:"present makes it, and neither starts nor stops it; restarted always stops and starts one that runs"`
}

func init() {
	Register(Kind{Name: "container", Short: "a container of Docker or podman", Free: "name", New: func() Task { return new(ContainerTask) }})
}

// Check implements Task.
func (c *ContainerTask) Check() error {
	errs := []error{checkContainerName(c.Name), checkRuntime(c.Runtime, c.User), checkEnv(c.Env), checkEnvLines(c.Env),
		checkRestart(c.Restart), checkOptions("volumes", c.Volumes), checkOptions("publish", c.Publish), checkNUL("command", c.Command...), checkLine("group", c.Group), c.checkLabels()}
	if c.Image != "" {
		errs = append(errs, checkImage("image", c.Image))
	} else if args := c.creating(); len(args) > 0 {
		errs = append(errs, Wrong(args[0], "%s is for making the container: give its image too", args[0]))
	}
	if c.Network != "" && !isRuntimeWord(c.Network, "_.-:") {
		errs = append(errs, Wrong("network", "%q is not the name of a network", c.Network))
	}
	if len(c.Command) == 1 {
		if _, err := SplitWords(c.Command[0]); err != nil {
			errs = append(errs, Wrong("command", "%v", err))
		}
	}
	if c.StopTimeout < 0 {
		errs = append(errs, Wrong("stop_timeout", "%d seconds?", c.StopTimeout))
	}
	return errors.Join(errs...)
}

// creating are the arguments given that matter only where the container is made.
func (c *ContainerTask) creating() []string {
	settings := c.settings("")
	delete(settings, "image")
	return sortedKeys(settings)
}

// links are those that the container has besides what link tasks make.
func (c *ContainerTask) links() linkList {
	name := c.Name
	switch {
	case c.User != "":
		name = "podman:" + c.User + "@" + c.Name
	case c.Runtime != "auto":
		name = c.Runtime + ":" + c.Name
	}
	return linkList{items: &c.Links, ports: c.LinkPorts, place: place{container: Container(name)}, name: "container " + c.Name, whole: c.Links != nil}
}

// Wires implements Wirer. What is removed has nothing in it.
func (c *ContainerTask) Wires() []state.Want {
	if c.State == absent || c.Links == nil {
		return nil
	}
	return c.links().wants(present)
}

func (c *ContainerTask) checkLabels() error {
	var errs []error
	for _, name := range sortedKeys(c.Labels) {
		if name == "" || strings.HasPrefix(name, "netrun.") || strings.ContainsAny(name, "=\x00\n") || strings.ContainsRune(c.Labels[name], 0) {
			errs = append(errs, &ArgError{Path: []any{"labels", name}, Msg: describe(name) + " cannot be the name of a label here", Key: true})
		}
	}
	return errors.Join(errs...)
}

// checkContainerName wants what both runtimes take for a name. Its length leaves
// room for what one is called that is replaced or removed.
func checkContainerName(name string) error {
	if !isRuntimeWord(name, "_.-") || len(name) > 200 {
		return Wrong("name", "%q is not the name of a container", name)
	}
	return nil
}

// isRuntimeWord wants letters, digits and the marks, beginning with neither mark.
func isRuntimeWord(text, marks string) bool {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return text != "" && strings.Trim(text, plain+marks) == "" && !strings.ContainsAny(text[:1], marks)
}

func checkImage(arg, image string) error {
	if !isRuntimeWord(image, "_.-/:@") || len(image) > 1000 {
		return Wrong(arg, "%q is not the name of an image", image)
	}
	return nil
}

// checkEnvLines wants variables that stand in a line of a runtime's env file.
func checkEnvLines(env map[string]string) error {
	var errs []error
	for _, name := range sortedKeys(env) {
		switch {
		case strings.ContainsAny(env[name], "\r\n"):
			errs = append(errs, &ArgError{Path: []any{"env", name}, Msg: "the value has several lines, which the runtimes do not take", Hint: "put it into a file, and that into volumes"})
		case len(env[name]) > 32<<10:
			errs = append(errs, &ArgError{Path: []any{"env", name}, Msg: "the value has more than 32 KiB"})
		case strings.HasPrefix(name, "#") || !utf8.ValidString(name) || !utf8.ValidString(env[name]):
			errs = append(errs, &ArgError{Path: []any{"env", name}, Msg: "that is no variable that the runtimes take"})
		}
	}
	return errors.Join(errs...)
}

func checkRestart(policy string) error {
	word, times, counted := strings.Cut(policy, ":")
	ok := contains([]string{"", "no", "always", "unless-stopped", "on-failure"}, word)
	if counted {
		ok = word == "on-failure" && times != "" && len(times) < 6 && strings.Trim(times, "0123456789") == ""
	}
	if !ok {
		return Wrong("restart", "%q is not one of no, always, unless-stopped, on-failure, on-failure:TIMES", policy)
	}
	return nil
}

func checkOptions(arg string, values []string) error {
	var errs []error
	for i, v := range values {
		if _, bad := badRune(v); v == "" || bad {
			errs = append(errs, at(Wrong(arg, "%q is nothing that the runtimes take", v), i))
		}
	}
	return errors.Join(errs...)
}

func (c *ContainerTask) words() []string {
	if len(c.Command) != 1 {
		return c.Command
	}
	words, err := SplitWords(c.Command[0])
	if err != nil {
		return nil // Check refuses it
	}
	return words
}

// Needed implements Act.
func (c *ContainerTask) Needed(ctx context.Context, m Machine) (string, error) {
	step, err := c.step(ctx, m)
	return step.what, err
}

// Do implements Act.
func (c *ContainerTask) Do(ctx context.Context, m Machine) (Outcome, error) {
	step, err := c.step(ctx, m)
	if err != nil || step.what == "" {
		return Outcome{Undo: NothingLeft}, err
	}
	var t trail
	var now *inspectedContainer
	if err = step.do(ctx, &t); err == nil {
		now, err = step.cli.container(ctx, c.Name)
	}
	if err != nil {
		return t.putBack(ctx, err)
	}
	data := map[string]any{"runtime": step.cli.program, "id": now.id(), "running": now != nil && now.State.Running}
	out := Outcome{Changed: true, Msg: step.what, Data: data}
	if c.State == absent {
		out.Gone = []string{c.Name}
	}
	return t.onto(out), nil
}
