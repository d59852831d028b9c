package playbooks

import (
	"fmt"
	"regexp"
	"slices"

	"netrun/inventory/diag"
	"netrun/tasks"
	"netrun/templates"
)

// namesContainer finds links that may lead to a container of another host, by the form of
// what was written: HOST/CONTAINER before the last colon.
var namesContainer = regexp.MustCompile(`/[^:]*:[^:]*$`)

// linkTargets finds links that lead to a container of another host, as in
// 6379:node4/redisdb:6379. That host is asked first which port it publishes: the
// tasks for that come back, and the link gets what they register.
func (l *loader) linkTargets(t *Task, here *setting) []*Task {
	args, ok := t.args.(map[string]any)
	if !ok || !hasLinks(t.kind) {
		return nil
	}
	into := "link_ports"
	if t.Kind == "link" {
		into = "ports"
	}
	if args[into] != nil {
		return nil
	}
	q := &questions{loader: l, task: t, here: here, registers: map[string]any{}}
	if to, given := args["to"]; given && t.Kind == "link" {
		q.item(map[string]any{"from": "1", "to": to})
	}
	list, isList := args["links"].([]any)
	if !isList && args["links"] != nil {
		list = []any{args["links"]}
	}
	for _, item := range list {
		q.item(item)
	}
	if len(q.registers) > 0 {
		args[into] = q.registers
	}
	return q.tasks
}

// questions are those that the links of one task ask.
type questions struct {
	*loader
	task      *Task
	here      *setting
	tasks     []*Task // one for each host that is asked
	hosts     []string
	registers map[string]any
}

// item asks for the containers that the item leads to.
func (q *questions) item(item any) {
	specs, err := tasks.ParseLinkItem(q.known(item))
	if err != nil {
		return // the task's own check says what is wrong with it
	}
	for _, s := range specs {
		if s.Container != "" {
			q.ask(s)
		}
	}
}

// known is the item with its templates rendered, where they may name a container: which
// host is asked is settled before any is contacted.
func (q *questions) known(item any) any {
	switch v := item.(type) {
	case map[string]any:
		m := map[string]any{"from": "1"} // where it begins says nothing of where it leads
		for _, name := range []string{"to", "to_port", "container", "on", "proto"} {
			if given, there := v[name]; there {
				m[name] = given
			}
		}
		if to, isTemplate := v["to"].(*templates.Template); isTemplate {
			m["to"] = q.known(to)
		}
		known, _ := withUnknown(m)
		return known
	case *templates.Template:
		if !namesContainer.MatchString(v.Source) {
			return nil
		}
		text, err := v.Text(templates.NewScope(q.here.earlyLayers(q.extra)...))
		if err != nil {
			q.errs.Add(diag.Errorf(v.Origin.Pos, "which container the link leads to is not known before the hosts are: %s", reason(err)).
				WithHint("ask that host by container_info, and give what it registers as ports"))
			return nil
		}
		return text
	}
	return item
}

// ask adds the container to the question to its host.
func (q *questions) ask(s tasks.LinkSpec) {
	at := slices.Index(q.hosts, s.On)
	if at < 0 {
		at = len(q.tasks)
		q.tasks, q.hosts = append(q.tasks, q.question(s.On)), append(q.hosts, s.On)
	}
	args := q.tasks[at].args.(map[string]any)
	if list := args["containers"].([]any); !slices.Contains(list, any(s.Container)) {
		args["containers"] = append(list, s.Container)
	}
}

// question is the task that asks a host once for all.
func (q *questions) question(host string) *Task {
	t := q.newTask(q.task.Pos, q.here)
	t.Kind, t.Name = "container_info", "ports of "+host+" that links lead to"
	t.kind, _ = tasks.Lookup(t.Kind)
	t.args = map[string]any{"containers": []any{}}
	t.register = fmt.Sprintf("netrun_ports_%d", t.ID)
	if host != "localhost" { // that is each host's own
		t.runOnce, t.delegate = true, host
	}
	t.Tags, t.vars, t.become, t.becomeUser = q.task.Tags, q.task.vars, q.task.become, q.task.becomeUser
	found, err := templates.Parse("{{ ."+t.register+" }}", templates.Origin{Pos: t.Pos})
	q.errs.Add(err)
	q.registers[host] = found
	return t
}
