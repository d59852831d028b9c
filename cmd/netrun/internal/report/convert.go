package report

import (
	"netrun/playbooks/script"
	"netrun/remote-helper/wire"
	"netrun/tasks/state"
)

// convert makes events of what a host said. Much of the protocol is nothing to show.
func (r *Report) convert(host string, e wire.Event) []Event {
	switch {
	case e.Began != nil && len(e.Began.Found) > 0:
		return []Event{{Event: EventFound, Host: host, Found: e.Began.Found}}
	case e.Result != nil:
		return []Event{r.result(host, e.Result)}
	case e.Confirm != nil:
		return []Event{{Event: EventConfirm, Host: host, Msg: e.Confirm.Why, DeadlineMS: e.Confirm.Deadline}}
	case e.Settled != nil:
		return []Event{{Event: EventSettled, Host: host, Confirmed: &e.Settled.Confirmed}}
	case e.Ended != nil:
		return []Event{{Event: EventEnded, Host: host, Changed: &e.Ended.Changed, Undone: e.Ended.Undone,
			UndoneActs: e.Ended.UndoneActs, Acts: e.Ended.Acts, Error: failureOf(e.Ended.Error)}}
	case e.Failed != nil:
		return []Event{{Event: EventEnded, Host: host, Error: failureOf(e.Failed)}}
	case e.Undone != nil:
		return []Event{{Event: EventUndone, Host: host, Check: r.check, Plays: e.Undone.Plays, Lines: e.Undone.Changes,
			Left: e.Undone.Left, Acts: e.Undone.Acts, Error: failureOf(e.Undone.Error)}}
	case e.Gathered != nil:
		return []Event{{Event: EventFacts, Host: host, Facts: e.Gathered.Facts}}
	case e.Past != nil:
		return []Event{{Event: EventHistory, Host: host, History: e.Past.Plays}}
	case e.Standing != nil:
		return []Event{{Event: EventStatus, Host: host, Standing: e.Standing}}
	case e.Note != nil:
		return []Event{{Event: EventNote, Host: host, Msg: e.Note.Text}}
	}
	return nil
}

func failureOf(f *wire.Failed) *Failure {
	if f == nil {
		return nil
	}
	return &Failure{Kind: string(f.Kind), Msg: f.Msg}
}

func (r *Report) result(host string, res *script.Result) Event {
	e := Event{
		Event: EventResult, Host: host, Task: r.task(res), Item: res.Item, Status: res.Status, Msg: res.Msg,
		Undone: res.Undone, Censored: res.Censored, Register: res.Register.V, Attempts: res.Attempts,
		ElapsedMS: res.Elapsed.Milliseconds(),
	}
	if res.Host != "" && res.Host != host {
		e.Host, e.On = res.Host, host
	}
	if e.Task.Kind == "fetch" { // results of earlier tasks of a batch may come behind the file
		e.Path = r.files[host]
		delete(r.files, host)
	}
	if res.Looped && e.Item == "" {
		e.Item = `""`
	}
	for _, c := range res.Changes {
		if !c.Implied {
			e.Changes = append(e.Changes, r.change(c))
		}
	}
	return e
}

// task is what the play said of the task, with the name as the host rendered it.
func (r *Report) task(res *script.Result) *Task {
	t := Task{ID: res.Task, Name: res.Name, Handler: res.Handler}
	if known := r.tasks[res.Task]; known != nil {
		t = *known
		if res.Name != "" {
			t.Name = res.Name
		}
	}
	if t.Name == "" {
		t.Name = t.Kind
	}
	return &t
}

func (r *Report) change(c state.Change) Change {
	k := c.Key()
	out := Change{Op: c.Op, Kind: k.Kind, Scope: k.Scope, Name: k.Name, Fields: c.Fields, Text: c.String(), Lines: c.Text}
	if r.Explain != nil {
		out.Commands = r.Explain(c)
	}
	return out
}
