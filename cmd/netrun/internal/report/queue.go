package report

import (
	"slices"
	"time"

	"netrun/playbooks/script"
)

// patience is how long a result waits for the same task's results of other hosts;
// urgent is what remains of it once something is held that a person wants to see.
const (
	patience = 2 * time.Second
	urgent   = 250 * time.Millisecond
)

// queue groups results by task, though each host runs its whole list on its own.
// A group is shown when every host has left its task behind, or when patience
// is over. What one host says never changes its order: what is not a result stays
// behind the result before it.
type queue struct {
	hosts *tracker
	held  map[string][]Event // by host
	names []string           // of held, in the play's order
	count int
	due   time.Time // when everything is shown
}

func newQueue(hosts *tracker) *queue { return &queue{hosts: hosts, held: map[string][]Event{}} }

func (q *queue) add(e Event) {
	if _, known := q.held[e.Host]; !known {
		q.names = append(q.names, e.Host)
		slices.SortStableFunc(q.names, func(a, b string) int { return q.hosts.ranks[a] - q.hosts.ranks[b] })
	}
	if q.count == 0 {
		q.due = e.Time.Add(patience)
	}
	if soon := e.Time.Add(urgent); (e.Task == nil || e.Status == script.Failed) && soon.Before(q.due) {
		q.due = soon
	}
	q.held[e.Host] = append(q.held[e.Host], e)
	q.count++
}

// holds reports whether something of the host is held.
func (q *queue) holds(host string) bool { return len(q.held[host]) > 0 }

// next takes the results of the first group that is complete; all regards every
// group as complete. It returns nil where there is none.
func (q *queue) next(all bool) []Event {
	if q.count == 0 {
		return nil
	}
	task, found := 0, false
	for _, h := range q.names {
		if front := q.held[h]; len(front) > 0 {
			if id := front[0].Task.ID; !found || q.hosts.place(id) < q.hosts.place(task) {
				task, found = id, true
			}
		}
	}
	if !all && !q.complete(task) {
		return nil
	}
	return q.take(task)
}

// complete reports whether no more results of the task are to come.
func (q *queue) complete(task int) bool {
	for h := range q.hosts.hosts {
		if q.hosts.ended(h) {
			continue
		}
		held := q.held[h]
		if last := lastTask(held); last == nil || last.ID == task {
			return false
		}
	}
	return true
}

func (q *queue) take(task int) []Event {
	var out []Event
	for _, h := range q.names {
		held := q.held[h]
		n := 0
		for n < len(held) && (held[n].Task == nil && n > 0 || held[n].Task != nil && held[n].Task.ID == task) {
			n++
		}
		out = append(out, held[:n]...)
		q.held[h] = held[n:]
	}
	q.count -= len(out)
	if oldest, ok := q.oldest(); ok && q.due.Before(oldest.Add(patience)) {
		q.due = oldest.Add(patience)
	}
	return out
}

func (q *queue) oldest() (oldest time.Time, ok bool) {
	for _, held := range q.held {
		if len(held) > 0 && (!ok || held[0].Time.Before(oldest)) {
			oldest, ok = held[0].Time, true
		}
	}
	return oldest, ok
}

func lastTask(events []Event) *Task {
	for _, e := range slices.Backward(events) {
		if e.Task != nil {
			return e.Task
		}
	}
	return nil
}

// overdue reports whether what is held has waited long enough.
func (q *queue) overdue(now time.Time) bool { return q.count > 0 && !now.Before(q.due) }
