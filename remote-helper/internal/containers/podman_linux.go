package containers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// podmanPatience is how long podman may take for one answer: on a slow host its
// start alone takes a second.
const podmanPatience = 15 * time.Second

// podman is podman as run by one user.
type podman struct {
	program    string
	user       string              // "" for root
	credential *syscall.Credential // nil for the user that we are
	env        []string
}

func (p podman) who() (string, string) { return Podman, p.user }

// list implements runtime.
func (p podman) list(ctx context.Context, _ map[string]wanted) ([]summary, error) {
	var all []struct {
		ID     string `json:"Id"`
		Names  []string
		Labels map[string]string
		State  string
	}
	if err := p.ask(ctx, &all, "ps", "--all", "--format", "json"); err != nil {
		return nil, err
	}
	var out []summary
	for _, c := range all {
		out = append(out, summary{runtime: Podman, user: p.user, id: c.ID, name: ownName(c.Names), labels: c.Labels,
			running: c.State == "running" || c.State == "paused"})
	}
	return out, nil
}

// inspect implements runtime. What is gone since it was listed makes podman fail,
// with the others on its standard output all the same.
func (p podman) inspect(ctx context.Context, which []summary) ([]Container, error) {
	args := []string{"inspect", "--type", "container", "--"}
	for _, s := range which {
		args = append(args, s.id)
	}
	var all []inspected
	err := p.ask(ctx, &all, args...)
	var status *statusError
	if err != nil && !(errors.As(err, &status) && strings.Contains(status.said, "no such container")) {
		return nil, err
	}
	var out []Container
	for _, in := range all {
		out = append(out, in.container(Podman, p.user))
	}
	return out, nil
}

// ask runs podman and decodes what it prints, also when it fails after that.
func (p podman) ask(ctx context.Context, into any, args ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, podmanPatience, fmt.Errorf("no answer within %v", podmanPatience))
	defer cancel()
	text, err := p.output(ctx, args...)
	decodeErr := json.Unmarshal(text, into)
	if err == nil {
		err = decodeErr
	}
	if err != nil {
		return fmt.Errorf("ask podman%s: %w", p.of(), err)
	}
	return nil
}

// of is " of USER" for rootless podman.
func (p podman) of() string {
	if p.user == "" {
		return ""
	}
	return " of " + p.user
}

// events implements runtime: it returns when podman ends.
func (p podman) events(ctx context.Context, since time.Time, on func(Event)) error {
	args := []string{"events", "--format", "json", "--since", strconv.FormatInt(since.Unix(), 10), "--filter", "type=container"}
	for _, status := range []string{"start", "died", "rename", "remove"} {
		args = append(args, "--filter", "event="+status)
	}
	err := p.stream(ctx, args, func(out io.Reader) error {
		on(Event{Action: Connected})
		for in := json.NewDecoder(out); ; {
			var e struct{ ID, Name, Status string }
			if err := in.Decode(&e); err != nil {
				return err
			}
			if action := podmanActions[e.Status]; action != "" {
				on(Event{ID: e.ID, Name: e.Name, Action: action})
			}
		}
	})
	return fmt.Errorf("ask podman%s for events: %w", p.of(), err)
}

var podmanActions = map[string]string{"start": Started, "died": Died, "rename": Renamed, "remove": Destroyed}
