package machine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"netrun/e2e/runtimes"
	"netrun/tasks"
	"netrun/tasks/state"
)

// here is a Scoper that knows the host's own namespace only.
type here struct{}

// In implements Scoper.
func (here) In(_ state.Scope, f func() error) error { return f() }

// cli is a runtime that the acts are tried on.
type cli struct {
	*testing.T
	m       tasks.Machine
	runtime string
	run     func(args ...string) string
}

func (c *cli) act(kind string, args map[string]any) tasks.Act {
	c.Helper()
	k, _ := tasks.Lookup(kind)
	args["runtime"] = c.runtime
	task, _, err := k.Decode(args)
	if err == nil {
		err = task.Check()
	}
	if err != nil {
		c.Fatalf("%s %v: %v", kind, args, err)
	}
	return task.(tasks.Act)
}

// do does the task, which must need what is wanted, and must need nothing after it.
// What can be undone is undone first, and done again.
func (c *cli) do(want, kind string, args map[string]any) tasks.Outcome {
	c.Helper()
	a := c.act(kind, args)
	before := c.standing()
	out := c.once(want, kind, args)
	if out.Undo != nil {
		if err := out.Undo(c.Context()); err != nil {
			c.Fatalf("%s %v: undo: %v", kind, args, err)
		}
		if got := c.standing(); got != before {
			c.Fatalf("%s %v: undone: got %s; want %s", kind, args, got, before)
		}
		out = c.once(want, kind, args)
	}
	if out.Keep != nil {
		if err := out.Keep(c.Context()); err != nil {
			c.Fatalf("%s %v: keep: %v", kind, args, err)
		}
	}
	if got, err := a.Needed(c.Context(), c.m); err != nil || got != "" {
		c.Fatalf("%s %v: a second time needed %q, %v; want nothing", kind, args, got, err)
	}
	return out
}

func (c *cli) once(want, kind string, args map[string]any) tasks.Outcome {
	c.Helper()
	a := c.act(kind, args)
	if got, err := a.Needed(c.Context(), c.m); err != nil || got != want {
		c.Fatalf("%s %v: needed %q, %v; want %q", kind, args, got, err, want)
	}
	out, err := a.Do(c.Context(), c.m)
	if err != nil {
		c.Fatalf("%s %v: %v", kind, args, err)
	}
	return out
}

// standing is each container, and whether it runs.
func (c *cli) standing() string {
	c.Helper()
	var lines []string
	for _, line := range strings.Split(c.run("ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.Status}}"), "\n") {
		if f := strings.Fields(line); len(f) > 2 {
			lines = append(lines, fmt.Sprint(f[1], " ", f[0], " ", f[2] == "Up"))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

// refuse does the task, which must fail with the text.
func (c *cli) refuse(want, kind string, args map[string]any) {
	c.Helper()
	a := c.act(kind, args)
	_, err := a.Needed(c.Context(), c.m)
	if err == nil {
		_, err = a.Do(c.Context(), c.m)
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		c.Errorf("%s %v: got error %v, want one with %q", kind, args, err, want)
	}
}

func TestContainersOnDocker(t *testing.T) {
	d := runtimes.StartDocker(t)
	c := &cli{T: t, runtime: "docker", run: d.Run}
	c.m = New(here{}, append(os.Environ(), "DOCKER_HOST=unix://"+d.Socket), "", time.Now)
	c.containers()
	c.images()
}

func TestContainersOnPodman(t *testing.T) {
	p := runtimes.StartPodman(t)
	c := &cli{T: t, runtime: "podman", run: p.Run}
	c.m = New(here{}, p.Environ, "", time.Now)
	c.containers()
	c.images()
}

// sleeper runs on; sh as the first process would not end when asked to.
const sleeper = "sh -c 'trap exit TERM; while :; do sleep 0.1; done'"

func (c *cli) containers() {
	c.Helper()
	variables := filepath.Join(c.TempDir(), "env")
	os.WriteFile(variables, []byte("FILED=1\n"), 0o600)
	args := func(more map[string]any) map[string]any {
		out := map[string]any{"name": "web", "image": runtimes.Image, "command": sleeper, "network": "none", "restart": "on-failure:3",
			"env": map[string]any{"TOKEN": "s3cret word", "Q": `'"$(id)`}, "env_file": variables, "labels": map[string]any{"tier": "front"},
			"volumes": []any{"/etc/hostname:/seen:ro"}}
		for name, value := range more {
			out[name] = value
		}
		return out
	}
	out := c.do("create and start container web from "+runtimes.Image, "container", args(nil))
	id := c.run("inspect", "--format", "{{.Id}}", "web")
	if out.Data["id"] != id || out.Data["running"] != true {
		c.Errorf("got %v, want id %s, running", out.Data, id)
	}
	seen := c.run("exec", "web", "sh", "-c", `echo "$TOKEN/$Q/$FILED"; cat /seen`)
	hostname, _ := os.ReadFile("/etc/hostname")
	if want := `s3cret word/'"$(id)/1` + "\n" + strings.TrimSpace(string(hostname)); seen != want {
		c.Errorf("in the container: got %q, want %q", seen, want)
	}
	format := `{{.HostConfig.NetworkMode}} {{.HostConfig.RestartPolicy.Name}} {{index .Config.Labels "tier"}} {{index .Config.Labels "netrun.owner"}}`
	if got := c.run("inspect", "--format", format, "web"); got != "none on-failure front netrun" {
		c.Errorf("got %q", got)
	}
	if left, _ := filepath.Glob("/run/netrun.??????"); len(left) > 0 {
		c.Errorf("files with variables were left: %v", left)
	}

	c.do("stop container web", "container", args(map[string]any{"state": "stopped"}))
	c.do("start container web", "container", map[string]any{"name": "web"})
	os.WriteFile(variables, []byte("FILED=2\n"), 0o600)
	c.do("recreate container web: env, env_file, labels changed", "container",
		args(map[string]any{"env": map[string]any{"TOKEN": "other"}, "labels": nil, "state": "present"}))
	if got := c.run("exec", "web", "sh", "-c", `echo "$TOKEN/$Q/$FILED"`); got != "other//2" {
		c.Errorf("after recreation: got %q", got)
	}
	c.rollback(args)
	c.do("recreate container web: command, env, env_file, image, labels, network, restart, volumes changed", "container",
		map[string]any{"name": "web", "image": runtimes.Image + ":latest", "command": "sleep 1000", "network": "bridge", "state": "stopped"})
	c.do("remove container web", "container", map[string]any{"name": "web", "state": "absent"})

	c.unsettled()

	c.run("create", "--name", "theirs", "--network", "none", runtimes.Image, "sh", "-c", "trap exit TERM; while :; do sleep 0.1; done")
	c.refuse("container theirs is there already, and is not netrun's", "container", map[string]any{"name": "theirs", "image": runtimes.Image})
	c.refuse("is not netrun's", "container", map[string]any{"name": "theirs", "state": "absent"})
	c.do("start container theirs", "container", map[string]any{"name": "theirs", "state": "started"})
	c.run("rm", "--force", "theirs")
	c.refuse("no image is given", "container", map[string]any{"name": "theirs"})
	c.refuse("create container x: status", "container", map[string]any{"name": "x", "image": runtimes.Image, "command": "true", "volumes": []any{"::"}})
	if names := c.run("ps", "--all", "--format", "{{.Names}}"); names != "" {
		c.Errorf("containers were left: %s", names)
	}
}

// unsettled: what ends soon after its start is put back, and says what it said.
func (c *cli) unsettled() {
	c.Helper()
	short := func(code, policy string) map[string]any {
		return map[string]any{"name": "short", "image": runtimes.Image, "network": "none", "settle": "4s", "restart": policy,
			"command": []any{"sh", "-c", "echo no config >&2; sleep 0.3; exit " + code}}
	}
	c.refuse("container short did not keep running for 4s: exit code 7\nno config", "container", short("7", "no"))
	c.refuse("container short did not keep running for 4s", "container", short("7", "on-failure:5"))
	if names := c.run("ps", "--all", "--format", "{{.Names}}"); names != "" {
		c.Errorf("containers were left: %s", names)
	}
	settled := map[string]any{"name": "short", "image": runtimes.Image, "network": "none", "settle": "1s", "command": sleeper, "group": "shop"}
	c.do("create and start container short from "+runtimes.Image, "container", settled)
	c.refuse(`container short is there already, and belongs to group "shop", not to no group`, "container", map[string]any{"name": "short", "state": "absent"})
	again := map[string]any{"name": "short", "group": "shop", "state": "restarted"}
	started := c.run("inspect", "--format", "{{.State.StartedAt}}", "short")
	if out := c.once("restart container short", "container", again); out.Undo != nil || c.run("inspect", "--format", "{{.State.StartedAt}}", "short") == started {
		c.Errorf("restarted: got undo %v, the same start; want another, and none", out.Undo != nil)
	}
	c.do("stop container short", "container", map[string]any{"name": "short", "group": "shop", "state": "stopped"})
	c.once("start container short", "container", again)
	c.do("remove container short", "container", map[string]any{"name": "short", "group": "shop", "state": "absent"})
}

// rollback: what does not start leaves the old container running, with its id.
func (c *cli) rollback(args func(map[string]any) map[string]any) {
	c.Helper()
	id := c.run("inspect", "--format", "{{.Id}}", "web")
	c.refuse("web", "container", args(map[string]any{"command": []any{"/no/such/program"}}))
	if got := c.run("inspect", "--format", "{{.Id}} {{.State.Running}}", "web"); got != id+" true" {
		c.Errorf("after a recreation that failed: got %s, want %s running", got, id)
	}
	if names := c.run("ps", "--all", "--format", "{{.Names}}"); names != "web" {
		c.Errorf("containers after a recreation that failed: got %s, want web", names)
	}
	// What a replacement that was cut off left is no obstacle.
	c.run("create", "--name", "web.netrun-new", "--label", "netrun.owner=netrun", runtimes.Image, "true")
	out := c.once("recreate container web: env, labels changed", "container", args(map[string]any{"env": map[string]any{"TOKEN": "third"}}))
	if err := out.Keep(c.Context()); err != nil {
		c.Error(err)
	}
}

func (c *cli) images() {
	c.Helper()
	dir := c.TempDir()
	saved, root := filepath.Join(dir, "saved.tar"), filepath.Join(dir, "root.tar")
	c.run("create", "--name", "tmp", "--network", "none", runtimes.Image, "true")
	c.run("export", "--output", root, "tmp")
	c.run("rm", "tmp")
	c.run("tag", runtimes.Image, "shop:4")
	c.run("save", "--output", saved, "shop:4")
	c.run("rmi", "shop:4")

	c.do("load image shop:4 from "+saved, "image", map[string]any{"name": "shop:4", "path": saved})
	c.do("import image base from "+root, "image", map[string]any{"name": "base", "path": root, "import": true})
	c.refuse("is not in it", "image", map[string]any{"name": "shop:5", "path": saved})
	c.refuse("read image: open /nonexistent", "image", map[string]any{"name": "shop:4", "path": "/nonexistent"})
	c.refuse("pull localhost:1/x: status", "image", map[string]any{"name": "localhost:1/x"})

	// Another archive under the same name: the container made from it is recreated.
	c.do("create container user from base", "container", map[string]any{"name": "user", "image": "base", "command": "true", "network": "none", "state": "present"})
	if out, err := exec.Command("tar", "--append", "--file", root, "--directory", dir, "--transform", "s,.*,new,", "saved.tar").CombinedOutput(); err != nil {
		c.Fatalf("tar: %v: %s", err, out)
	}
	c.do("import image base from "+root, "image", map[string]any{"name": "base", "path": root, "import": true})
	c.do("recreate container user: image changed", "container", map[string]any{"name": "user", "image": "base", "command": "true", "network": "none", "state": "present"})
	c.do("remove container user", "container", map[string]any{"name": "user", "state": "absent"})
	c.do("remove image base", "image", map[string]any{"name": "base", "state": "absent"})
	c.do("remove image shop:4", "image", map[string]any{"name": "shop:4", "state": "absent"})
	if tags := c.run("images", "--format", "{{.Repository}}"); strings.Contains(tags, "netrun-loaded") {
		c.Errorf("names were left: %s", tags)
	}
	c.fromController(root)
}

// fromController fills the image in as the controller does.
func (c *cli) fromController(root string) {
	c.Helper()
	content, err := os.ReadFile(root)
	if err != nil {
		c.Fatal(err)
	}
	a := c.act("image", map[string]any{"name": "sent", "src": "root.tar", "import": true})
	a.(tasks.Sourcer).Fill(0, content)
	if _, err := a.Do(c.Context(), c.m); err != nil {
		c.Fatal(err)
	}
	if got, err := a.Needed(c.Context(), c.m); got != "" || err != nil {
		c.Errorf("a second time: needed %q, %v", got, err)
	}
	if got := c.run("images", "--format", "{{.Repository}}", "sent"); !strings.Contains("/"+got, "/sent") {
		c.Errorf("got images %q, want sent", got)
	}
}
