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
	"sync"
	"sync/atomic"
	"time"
)

// docker is the daemon behind a socket.
type docker struct {
	socket    string
	installed func() bool          // whether there is a daemon that could be started
	looked    map[string]Container // details that are known already, by id
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
	return docker{socket: socket, installed: func() bool { return f.lookPath("dockerd") != "" }, looked: map[string]Container{}}
}

func (d docker) who() (string, string) { return Docker, "" }

// list implements runtime. A list takes Docker the longer the more containers there
// are, running or not: who has a name is asked for by it.
func (d docker) list(ctx context.Context, wants map[string]wanted) ([]summary, error) {
	var out []summary
	for _, w := range wants {
		if w.service != "" {
			return d.all(ctx)
		}
		if !w.asks(Docker, "") {
			continue
		}
		c, known, err := d.look(ctx, w.name)
		if answer := (*answerError)(nil); errors.As(err, &answer) {
			return d.all(ctx) // several ids begin so
		}
		if err != nil {
			return nil, d.explain(err)
		}
		if _, twice := d.looked[c.ID]; known && !twice {
			d.looked[c.ID] = c
			out = append(out, summary{runtime: Docker, id: c.ID, name: c.Name, labels: c.Labels, running: c.Pid != 0})
		}
	}
	if len(wants) == 0 {
		return d.all(ctx)
	}
	return out, nil
}

// look asks for the details of a container by its name or id.
func (d docker) look(ctx context.Context, name string) (c Container, known bool, err error) {
	var in inspected
	err = d.get(ctx, "/containers/"+url.PathEscape(name)+"/json", &in)
	if answer := (*answerError)(nil); errors.As(err, &answer) && answer.status == 404 {
		return c, false, nil
	}
	return in.container(Docker, ""), err == nil, err
}

// all lists the containers, the ones that do not run too.
func (d docker) all(ctx context.Context) ([]summary, error) {
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

// inspecting is how many containers are asked about at once: dockerd takes half a
// millisecond for each, most of it on one processor.
const inspecting = 4

// inspect implements runtime. What is gone since it was listed is left out.
func (d docker) inspect(ctx context.Context, which []summary) ([]Container, error) {
	found, known, errs := make([]Container, len(which)), make([]bool, len(which)), make([]error, len(which))
	var next atomic.Int32
	var wg sync.WaitGroup
	for range min(inspecting, len(which)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(which); i = int(next.Add(1)) - 1 {
				if found[i], known[i] = d.looked[which[i].id]; known[i] {
					continue
				}
				if found[i], known[i], errs[i] = d.look(ctx, which[i].id); errs[i] != nil {
					next.Store(int32(len(which))) // the others would fail likewise, each after its time
				}
			}
		})
	}
	wg.Wait()
	var out []Container
	for i, c := range found {
		if errs[i] != nil {
			return out, d.explain(errs[i])
		}
		if known[i] {
			out = append(out, c)
		}
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
