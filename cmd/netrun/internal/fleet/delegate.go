package fleet

import (
	"maps"
	"slices"

	"netrun/playbooks/script"
	"netrun/remote-helper/wire"
	"netrun/templates"
)

// delegated runs the segment for each of the hosts on its delegate, one after the other.
func (r *running) delegated(hosts []string, i int) {
	for _, h := range hosts {
		n := r.first(h, i)
		if n == nil {
			continue
		}
		on := h
		if n.Delegate != "" {
			on = n.Delegate
		}
		r.run(h, on, i, r.imports(n))
	}
}

// run runs the segment of host h on the host named on.
func (r *running) run(h, on string, i int, imports map[string]templates.Map) {
	if len(r.Connect(r.ctx, []string{on})) == 0 {
		if on != h {
			r.abort([]string{h}, "host "+on+", which a task is delegated to, is unreachable")
		} else {
			r.end(h, Outcome{Unreachable: r.failure(h)})
		}
		return
	}
	if on != h {
		if r.over(on) {
			r.abort([]string{h}, "the play has failed on "+on+", which a task is delegated to")
			return
		}
		if !r.beginOn(h) {
			return
		}
	}
	s := r.session(on)
	if s == nil {
		return
	}
	var requests []wire.Request
	if r.starts(on) {
		requests = append(requests, r.begin(on))
	}
	segment := &wire.Segment{Index: i, Imports: imports, Own: r.takeOwn(h, on)}
	if on != h {
		segment.For, s.works = r.Scripts[h], h
		defer func() { s.works = "" }()
	}
	s.send(append(requests, wire.Request{Segment: segment})...)
	failed := false
	goesOn := r.await(on, s, func(e wire.Event) bool {
		if e.Segment == nil {
			return false
		}
		failed = e.Segment.Failed
		r.export(h, on, e.Segment.Exports)
		return true
	})
	if on != h && (failed || !goesOn) {
		r.abort([]string{h}, "a task that "+on+" runs for this host failed")
	}
}

// over reports whether the play has ended on the host.
func (r *running) over(h string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ended := r.outcomes[h]
	return ended
}

// beginOn begins the play on the host before another one works for it, and reports
// whether it goes on there.
func (r *running) beginOn(h string) bool {
	s := r.session(h)
	if s == nil || !r.starts(h) {
		return s != nil
	}
	s.send(r.begin(h))
	return r.await(h, s, func(e wire.Event) bool { return e.Began != nil })
}

// takeOwn is what h has been given since it last heard. A host that works for it
// knows nothing but what it is told: all that h was given, and what h exported.
func (r *running) takeOwn(h, on string) templates.Map {
	r.mu.Lock()
	defer r.mu.Unlock()
	own := r.own[h]
	if on == h {
		delete(r.own, h)
		return own
	}
	all := maps.Clone(r.exports[h])
	if all == nil {
		all = templates.Map{}
	}
	maps.Copy(all, r.given[h])
	return all
}

// export keeps what the segment of h exported, and gives it to h itself where another host ran it.
func (r *running) export(h, on string, values templates.Map) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(values) == 0 {
		return
	}
	if r.exports[h] == nil {
		r.exports[h] = templates.Map{}
	}
	maps.Copy(r.exports[h], values)
	if on != h {
		r.give(h, values)
	}
}

func (r *running) give(h string, values templates.Map) {
	for _, to := range []map[string]templates.Map{r.own, r.given} {
		if to[h] == nil {
			to[h] = templates.Map{}
		}
		maps.Copy(to[h], values)
	}
}

// share gives what a run_once task found out to the hosts that did not run it.
func (r *running) share(from string, hosts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range hosts {
		r.give(h, r.exports[from])
	}
}

func (r *running) imports(n *script.Node) map[string]templates.Map {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n == nil || len(n.Imports) == 0 {
		return nil
	}
	out := map[string]templates.Map{}
	for h, values := range r.exports {
		if slices.Contains(n.Imports, "*") || slices.Contains(n.Imports, h) {
			out[h] = maps.Clone(values)
		}
	}
	return out
}

// delegates are the hosts that were begun only for the sake of others.
func (r *running) delegates(up []string) []string {
	var out []string
	for h := range r.begun {
		if !slices.Contains(up, h) {
			out = append(out, h)
		}
	}
	slices.Sort(out)
	return r.alive(out)
}
