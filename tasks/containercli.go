package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// containerCLI is docker or podman on a host, as one user has it.
type containerCLI struct {
	m       Machine
	program string
	user    string
	env     map[string]string
}

func checkRuntime(runtime, user string) error {
	if user != "" && runtime == "docker" {
		return Wrong("user", "users have containers of their own with podman only")
	}
	return checkAccount("user", user)
}

// findContainerCLI finds the runtime's program. Users' containers are podman's.
func findContainerCLI(ctx context.Context, m Machine, runtime, user string) (*containerCLI, error) {
	candidates := []string{runtime}
	switch {
	case runtime == "auto" && user != "":
		candidates = []string{"podman"}
	case runtime == "auto":
		candidates = []string{"docker", "podman"}
	}
	for _, program := range candidates {
		if diskOf(m).Find(program) == "" {
			continue
		}
		cli := &containerCLI{m: m, program: program, user: user, env: map[string]string{"LC_ALL": "C"}}
		return cli, cli.enterUser(ctx)
	}
	return nil, &Failure{Msg: strings.Join(candidates, " or ") + ": not installed"}
}

// enterUser makes podman find the user's containers, as after a login of theirs.
func (r *containerCLI) enterUser(ctx context.Context) error {
	if r.user == "" || r.user == "root" {
		return nil
	}
	out, err := runTool(ctx, r.m, "id", "-u", "--", r.user)
	if err != nil {
		return fmt.Errorf("find user %s: %w", r.user, err)
	}
	dir := "/run/user/" + strings.TrimSpace(out.Stdout)
	if !diskOf(r.m).Exists(dir) {
		dir = "" // podman makes one below /tmp then
	}
	r.env["XDG_RUNTIME_DIR"] = dir
	return nil
}

func (r *containerCLI) command(args ...string) Command {
	return Command{Argv: append([]string{r.program}, args...), Env: r.env, Dir: "/", User: r.user}
}

// run runs the command; what is what an error says was to be done.
func (r *containerCLI) run(ctx context.Context, what string, c Command) (Output, error) {
	out, err := r.m.Run(ctx, c)
	if err != nil {
		return out, fmt.Errorf("%s: %w", what, err)
	}
	if out.Status != 0 {
		return out, &Failure{Msg: failureText(what, out), Data: map[string]any{"rc": out.Status, "stderr": strings.TrimSpace(out.Stderr)}}
	}
	return out, nil
}

// act runs a command on one container, its last word.
func (r *containerCLI) act(ctx context.Context, args ...string) error {
	_, err := r.run(ctx, r.program+" "+args[0]+" "+args[len(args)-1], r.command(args...))
	return err
}

// on runs a command on a container, which messages call by its name; words come
// after its id.
func (r *containerCLI) on(ctx context.Context, b box, verb string, options []string, words ...string) error {
	args := append(append([]string{verb}, options...), b.id)
	_, err := r.run(ctx, r.program+" "+verb+" "+b.name, r.command(append(args, words...)...))
	return err
}

// remove removes the container, running or not. One that is gone is no error.
func (r *containerCLI) remove(ctx context.Context, b box) error {
	err := r.on(ctx, b, "rm", []string{"--force"})
	var failed *Failure
	if errors.As(err, &failed) && isMissing(fmt.Sprint(failed.Data["stderr"])) {
		return nil
	}
	return err
}

// create runs docker create or podman create. The variables go through a file of
// the user's own, in memory where there is such a place, since neither a process's
// arguments nor its environment are for secrets; rootless podman could not open a
// pipe of ours. It gives the id of what it made.
func (r *containerCLI) create(ctx context.Context, what string, args []string, variables string) (string, error) {
	c := r.command(args...)
	if variables != "" {
		c.Argv = append([]string{"/bin/sh", "-c", withEnvFile, "sh"}, c.Argv...)
		c.Stdin = variables
	}
	out, err := r.run(ctx, what, c)
	return lastLine(out.Stdout), err
}

// withEnvFile runs PROGRAM VERB ARGUMENTS... as PROGRAM VERB --env-file=FILE
// ARGUMENTS..., with what it reads in the file.
const withEnvFile = `umask 077; d=/tmp
for r in "$XDG_RUNTIME_DIR" /run /dev/shm; do if [ -n "$r" ] && [ -w "$r" ]; then d=$r; break; fi; done
f=$(mktemp "$d/netrun.XXXXXX") || exit 1
trap 'rm -f "$f"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$f" || exit 1
p=$1 v=$2; shift 2
"$p" "$v" --env-file="$f" "$@"`

// inspectedContainer is what `docker inspect` and `podman inspect` say.
type inspectedContainer struct {
	ID    string `json:"Id"`
	Image string // the image's id
	State struct {
		Running, Restarting bool
		ExitCode            int
	}
	RestartCount int // by its restart policy, since it was started
	Config       struct{ Labels map[string]string }
}

func (c *inspectedContainer) id() string {
	if c == nil {
		return ""
	}
	return c.ID
}

// inspectedImage is the same of an image.
type inspectedImage struct {
	ID       string `json:"Id"`
	RepoTags []string
}

func (i *inspectedImage) id() string {
	if i == nil {
		return ""
	}
	return trimDigest(i.ID)
}

// trimDigest makes ids comparable: Docker writes sha256: in front, podman does not.
func trimDigest(id string) string { return strings.TrimPrefix(id, "sha256:") }

// container is nil where there is none of that name.
func (r *containerCLI) container(ctx context.Context, name string) (*inspectedContainer, error) {
	var all []inspectedContainer
	if err := r.inspect(ctx, "container", name, &all); err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// image is nil where there is none of that name.
func (r *containerCLI) image(ctx context.Context, name string) (*inspectedImage, error) {
	var all []inspectedImage
	if err := r.inspect(ctx, "image", name, &all); err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// inspectPatience is how long a runtime may take to say what it has.
const inspectPatience = 20 * time.Second

func (r *containerCLI) inspect(ctx context.Context, sort, name string, into any) error {
	what := r.program + " inspect " + name
	ctx, cancel := context.WithTimeoutCause(ctx, inspectPatience, errors.New("no answer within 20s"))
	defer cancel()
	out, err := r.m.Run(ctx, r.command("inspect", "--type="+sort, name))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	case out.Status != 0 && isMissing(out.Stderr):
		return nil
	case out.Status != 0:
		return &Failure{Msg: failureText(what, out)}
	}
	if err := json.Unmarshal([]byte(out.Stdout), into); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// isMissing knows the runtimes' words for what is not there.
func isMissing(stderr string) bool {
	said := strings.ToLower(stderr)
	return strings.Contains(said, "no such container") || strings.Contains(said, "no such image") ||
		strings.Contains(said, "no such object") || strings.Contains(said, "image not known")
}
