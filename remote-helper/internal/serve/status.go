package serve

import (
	"strings"

	"netrun/remote-helper/internal/restore"
	"netrun/remote-helper/internal/store"
	"netrun/remote-helper/wire"
	"netrun/tasks/state"
)

// status answers how everything stands that playbooks want of the host.
func (s *session) status() {
	answer := &wire.Standing{Objects: []wire.Standpoint{}}
	books, err := s.store().Books()
	if err != nil {
		s.failed(wire.FailHost, err)
		return
	}
	for _, b := range books {
		results, err := restore.Look(s.lost, s.Host, b.Items)
		if err != nil {
			s.failed(wire.FailHost, err)
			return
		}
		for _, r := range results {
			answer.Objects = append(answer.Objects, standpoint(b, r))
		}
	}
	if s.Watching != nil {
		answer.Restore, answer.Watch = s.Watching()
	}
	if s.Containers != nil {
		running, err := s.Containers(s.lost)
		if err != nil {
			answer.Problems = append(answer.Problems, err.Error())
		}
		for _, c := range running {
			answer.Containers = append(answer.Containers, wire.RunningContainer{Name: string(c.Scope), Addresses: c.Addresses})
		}
	}
	s.out.send(wire.Event{Standing: answer})
}

func standpoint(b *store.Book, r restore.Result) wire.Standpoint {
	i := r.Item
	p := wire.Standpoint{Playbook: b.ID, Play: i.Play, Task: i.Task, At: i.At, Object: i.Object.Key().String(), Repair: i.Repair, Since: i.Since, State: "present", Tunnel: tunnel(i.Object)}
	switch {
	case r.Err != nil:
		p.State, p.Detail = "failed", r.Err.Error()
	case r.Waits != "":
		p.State, p.Detail = "deferred", r.Waits
	case len(r.Changes) > 0:
		p.State, p.Detail = "drifted", drift(r.Changes)
	}
	return p
}

// drift says what differs, in the words of the change that would mend it.
func drift(changes []state.Change) string {
	var parts []string
	for _, c := range changes {
		switch {
		case c.Implied:
			continue
		case c.Op == state.Create:
			parts = append(parts, "missing")
		case c.Op == state.Update:
			for _, f := range c.Fields {
				parts = append(parts, f.Field+" is "+orNothing(f.From)+", want "+f.To)
			}
		default:
			parts = append(parts, "has to be made anew")
		}
	}
	return strings.Join(parts, "; ")
}

func orNothing(text string) string {
	if text == "" {
		return "not set"
	}
	return text
}

// tunnel reports whether the object leads to another host.
func tunnel(o state.Object) bool {
	switch t := o.(type) {
	case state.OVSPort:
		return t.Options["remote_ip"] != ""
	case state.Link:
		return t.Remote != "" || t.Remotes != ""
	}
	return false
}
