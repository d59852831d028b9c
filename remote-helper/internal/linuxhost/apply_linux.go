package linuxhost

import (
	"context"
	"errors"
	"fmt"

	"netrun/tasks/state"
)

// Apply implements state.Host.
func (h *Host) Apply(ctx context.Context, changes []state.Change) error {
	s, err := h.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	s.note(keysOf(changes))
	todo := gather(changes)
	err = s.applyAll(ctx, todo.changes)
	var failed *state.ApplyError
	if errors.As(err, &failed) {
		failed.Index = todo.at[failed.Index]
	}
	return err
}

func (s *session) applyAll(ctx context.Context, changes []state.Change) error {
	for i := 0; i < len(changes); {
		if err := ctx.Err(); err != nil {
			return &state.ApplyError{Index: i, Err: err}
		}
		n, err := s.step(changes, i)
		if err == nil && (i+n == len(changes) || changes[i+n].Key().Kind != state.KindLink) {
			if err = s.replug(); err != nil {
				err = &state.ApplyError{Index: i, Err: err}
			}
		}
		if err != nil {
			return err
		}
		i += n
	}
	return nil
}

func keysOf(changes []state.Change) []state.Key {
	keys := make([]state.Key, len(changes))
	for i, c := range changes {
		keys[i] = c.Key()
	}
	return keys
}

// step carries out the change at i, or a batch that begins there, and says how many it took.
func (s *session) step(changes []state.Change, i int) (int, error) {
	c := changes[i]
	if c.Implied {
		return 1, nil
	}
	switch c.Key().Kind {
	case state.KindTable, state.KindChain, state.KindJump:
		return s.applyNetfilter(changes, i)
	case state.KindOVSBridge, state.KindOVSPort:
		return s.applyOVS(changes, i)
	case state.KindLease:
		return s.applyLeases(changes, i)
	case state.KindNetns:
		if c.Op == state.Delete {
			if err := s.cutLinks(changes[i+1:], c.Key().Name); err != nil {
				return 0, &state.ApplyError{Index: i, Err: describe(c, err)}
			}
		}
	}
	if err := s.applyOne(c); err != nil {
		return 0, &state.ApplyError{Index: i, Err: describe(c, err)}
	}
	return 1, nil
}

// describe puts verb and object before the cause: add link "br0": file exists.
func describe(c state.Change, err error) error {
	verb := map[state.Op]string{state.Create: "add", state.Update: "change", state.Delete: "delete"}[c.Op]
	k := c.Key()
	where := ""
	if k.Scope != state.HostScope {
		where = " in " + string(k.Scope)
	}
	return fmt.Errorf("%s %s %q%s: %w", verb, k.Kind, k.Name, where, err)
}

func (s *session) applyOne(c state.Change) error {
	switch o := c.Object().(type) {
	case state.Link:
		return s.applyLink(c, o)
	case state.Member:
		return s.applyMember(c, o)
	case state.Address:
		return s.applyAddress(c, o)
	case state.Route:
		return s.applyRoute(c, o)
	case state.Rule:
		return s.applyRule(c, o)
	case state.Neighbour:
		if c.Op == state.Delete {
			return s.deleteNeighbour(o)
		}
		return s.setNeighbour(o)
	case state.Qdisc:
		return s.applyQdisc(c, o)
	case state.Offload:
		return s.setOffload(o)
	case state.PortVLAN:
		return s.setPortVLAN(c, o)
	case state.Sysctl:
		return s.applySysctl(c, o)
	case state.Netns:
		return s.applyNetns(c, o)
	case state.File:
		return s.applyFile(c, o)
	case state.JSONKey:
		return s.applyJSONKey(c, o)
	case state.HostsLine:
		return s.applyHostsLine(c, o)
	}
	return fmt.Errorf("nothing can be done to a %s", c.Key().Kind)
}

func (s *session) applyLink(c state.Change, l state.Link) error {
	switch c.Op {
	case state.Create:
		return s.addLink(l)
	case state.Update:
		return s.changeLink(c.Before.(state.Link), l)
	}
	return s.deleteLink(l)
}

func (s *session) applyNetns(c state.Change, n state.Netns) error {
	if c.Op == state.Delete {
		return s.deleteNetns(n.Name)
	}
	return s.addNetns(n.Name)
}

// cutLinks deletes the links elsewhere whose other end is in a namespace that is
// about to go. The kernel would do it by itself, but later, and not at all while
// a process keeps the namespace: the plan says that they go now.
func (s *session) cutLinks(rest []state.Change, name string) error {
	scope := state.NetnsScope(name)
	for _, c := range rest {
		l, ok := c.Before.(state.Link)
		if !ok || !c.Implied || c.Op != state.Delete || l.Scope == scope || l.PeerScope != scope {
			continue
		}
		if err := s.deleteLink(l); err != nil && !isGone(err) {
			return fmt.Errorf("delete link %q: %w", l.Name, err)
		}
	}
	return nil
}
