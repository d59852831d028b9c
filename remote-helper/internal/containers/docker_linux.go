package containers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// docker is the daemon behind a socket.
type docker struct {
	socket    string
	installed func() bool // whether there is a daemon that could be started
}

// docker is the daemon that the finder is to ask.
func (f *Finder) docker() docker {
	socket := f.DockerSocket
	if socket == "" {
		if path, ok := strings.CutPrefix(f.env("DOCKER_HOST"), "unix://"); ok {
			socket = path
		} else {
			socket = "/var/run/docker.sock"
		}
	}
	return docker{socket: socket, installed: func() bool { return f.lookPath("dockerd") != "" }}
}

func (d docker) who() (string, string) { return Docker, "" }

// list implements runtime.
func (d docker) list(ctx context.Context) ([]summary, error) {
	var all []struct {
		ID     string `json:"Id"`
		Names  []string
		Labels map[string]string
		State  string
	}
	if err := d.get(ctx, "/containers/json?all=1", &all); err != nil {
		return nil, d.explain(err)
	}
	var out []summary
	for _, c := range all {
		out = append(out, summary{runtime: Docker, id: c.ID, name: ownName(c.Names), labels: c.Labels, running: c.State == "running" || c.State == "paused"})
	}
	return out, nil
}

// ownName passes over the names that legacy links gave the container ("/web/db").
func ownName(names []string) string {
	for _, n := range names {
		if n = strings.TrimPrefix(n, "/"); !strings.Contains(n, "/") {
			return n
		}
	}
	return ""
}

// inspect implements runtime. What is gone since it was listed is left out.
func (d docker) inspect(ctx context.Context, which []summary) ([]Container, error) {
	var out []Container
	for _, s := range which {
		var in inspected
		err := d.get(ctx, "/containers/"+url.PathEscape(s.id)+"/json", &in)
		var answer *answerError
		if errors.As(err, &answer) && answer.status == 404 {
			continue
		}
		if err != nil {
			return out, d.explain(err)
		}
		out = append(out, in.container(Docker, ""))
	}
	return out, nil
}

// get asks one question and decodes the answer.
func (d docker) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, dockerPatience, fmt.Errorf("no answer within %v", dockerPatience))
	defer cancel()
	answer, err := request(ctx, d.socket, path)
	if err != nil {
		return err
	}
	defer answer.close()
	if err := json.NewDecoder(answer).Decode(into); err != nil {
		return answer.why(ctx, err)
	}
	return nil
}

// explain tells a daemon that is not there from one that does not answer.
func (d docker) explain(err error) error {
	switch {
	case errors.Is(err, errLibpod):
		return errAbsent // podman's service: podman itself is asked
	case errors.Is(err, os.ErrNotExist) && !d.installed():
		return errAbsent
	case isRefused(err):
		return fmt.Errorf("ask docker: %w: %w", ErrDown, err)
	}
	return fmt.Errorf("ask docker: %w", err)
}

// eventsPath asks for what becomes of containers from the time on: the daemon
// answers a little before it begins to listen to itself.
func eventsPath(since time.Time) string {
	filters := `{"type":["container"],"event":["start","die","rename","destroy"]}`
	stamp := strconv.FormatInt(since.Unix(), 10) + "." + fmt.Sprintf("%09d", since.Nanosecond())
	return "/events?since=" + stamp + "&filters=" + url.QueryEscape(filters)
}

// events implements runtime: it returns when the daemon closes the stream.
func (d docker) events(ctx context.Context, since time.Time, on func(Event)) error {
	answer, err := request(ctx, d.socket, eventsPath(since))
	if err != nil {
		return d.explain(err)
	}
	defer answer.close()
	on(Event{Action: Connected})
	for in := json.NewDecoder(answer); ; {
		var e struct {
			Action string
			Actor  struct {
				ID         string
				Attributes map[string]string
			}
		}
		if err := in.Decode(&e); err != nil {
			return fmt.Errorf("ask docker for events: %w", answer.why(ctx, err))
		}
		answer.refill()
		on(Event{ID: e.Actor.ID, Name: e.Actor.Attributes["name"], Action: e.Action})
	}
}
