package playbooks

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"netrun/inventory/diag"
	"netrun/tasks"
	"netrun/templates"
)

// namesContainer finds links that may lead to a container of another host, by the form of
// what was written: HOST/CONTAINER before the last colon.
var namesContainer = regexp.MustCompile(`/[^:]*:[^:]*$`)

// linkTargets unfolds links that lead to a container of another host, as in
// 6379:node4/redisdb:6379. That host is asked first which port it publishes: the
// tasks for that come back, and the link gets what they register.
func (l *loader) linkTargets(t *Task, here *setting) []*Task {
	args, ok := t.args.(map[string]any)
	if !ok {
		return nil
	}
	if _, has := args["links"]; !has && t.Kind != "link" {
		return nil
	}
	u := &unfolding{loader: l, task: t, here: here}
	if to, given := args["to"]; given && t.Kind == "link" {
		u.single(args, to)
	}
	switch links := args["links"].(type) {
	case []any:
		args["links"] = u.items(links)
	case string, *templates.Template, map[string]any:
		args["links"] = u.items([]any{links})
	}
	return u.tasks
}

// unfolding is that of one task.
type unfolding struct {
	*loader
	task  *Task
	here  *setting
	tasks []*Task // one for each host that is asked
	hosts []string
}

// single unfolds a link given by from and to.
func (u *unfolding) single(args map[string]any, to any) {
	text, ok := u.text(to)
	if !ok {
		return
	}
	host, port, _ := strings.Cut(text, ":")
	if !strings.Contains(host, "/") {
		return
	}
	spec := tasks.LinkSpec{Container: host[strings.Index(host, "/")+1:]}
	spec.ToHost = host[:strings.Index(host, "/")]
	spec.ToPort, _ = strconv.Atoi(port)
	if spec.Proto, _ = args["proto"].(string); spec.Proto == "" {
		spec.Proto = "tcp"
	}
	if spec.ToPort == 0 {
		u.errs.Add(diag.Errorf(u.task.argumentPos(&tasks.ArgError{Path: []any{"to"}}), "link to %s: the container's own port is missing", host).
			WithHint("to: %s:6379", host))
		return
	}
	m := map[string]any{}
	for arg, name := range map[string]string{"from": "from", "proto": "proto", "interface": "interface", "source": "source"} {
		if v, given := args[arg]; given {
			m[name] = v
			delete(args, arg)
		}
	}
	delete(args, "to")
	m["to"], m["to_port"], m["about"] = spec.ToHost, u.port(spec), about(spec)
	args["links"] = []any{m}
	if _, named := args["name"]; !named {
		args["name"] = fmt.Sprintf("%v %v", args["container"], m["from"])
	}
}

// items unfolds what leads to containers, and leaves the rest as it is.
func (u *unfolding) items(items []any) []any {
	var out []any
	for _, item := range items {
		text, ok := u.text(item)
		if m, isMap := item.(map[string]any); isMap && m["container"] != nil {
			out = append(out, u.mapped(m))
			continue
		}
		specs, err := tasks.ParseLinks(text)
		if !ok || err != nil || !slices.ContainsFunc(specs, func(s tasks.LinkSpec) bool { return s.Container != "" }) {
			out = append(out, item)
			continue
		}
		for _, s := range specs {
			m := map[string]any{"from": s.FromHost, "from_port": s.FromPort, "to": s.ToHost, "to_port": s.ToPort, "proto": s.Proto}
			if s.Container != "" {
				m["to_port"], m["about"] = u.port(s), about(s)
			}
			out = append(out, m)
		}
	}
	return out
}

// mapped is a link that was given as a map with container.
func (u *unfolding) mapped(m map[string]any) any {
	known, whole := withUnknown(m)
	specs, err := tasks.ParseLinkItem(known)
	if !whole || err != nil || specs[0].ToPort == 0 {
		return m // the task's own check says what is wrong with it
	}
	out := merged(m, map[string]any{"to": specs[0].ToHost, "to_port": u.port(specs[0]), "about": about(specs[0])})
	delete(out, "container")
	return out
}

// text is a link's text, whose templates have to be known while loading if it names a
// container: which host is asked is settled before any is contacted.
func (u *unfolding) text(item any) (string, bool) {
	switch v := item.(type) {
	case string:
		return v, true
	case *templates.Template:
		if !namesContainer.MatchString(v.Source) {
			return "", false
		}
		text, err := v.Text(templates.NewScope(u.here.earlyLayers(u.extra)...))
		if err != nil {
			u.errs.Add(diag.Errorf(v.Origin.Pos, "which container the link leads to is not known before the hosts are: %s", reason(err)).
				WithHint("register what publish or container_info finds on that host, and write its port"))
			return "", false
		}
		return text, true
	}
	return "", false
}

// about says which port a link is meant to lead to.
func about(s tasks.LinkSpec) string {
	return fmt.Sprintf("%d/%s of container %s on %s", s.ToPort, s.Proto, s.Container, s.ToHost)
}

// port is the template of the published port, which the task that asks the host registers.
func (u *unfolding) port(s tasks.LinkSpec) any {
	name := u.ask(s)
	text := fmt.Sprintf("{{ default 0 (index .%s.containers %q `ports` %q) }}", name, s.Container, fmt.Sprintf("%d/%s", s.ToPort, s.Proto))
	t, err := templates.Parse(text, templates.Origin{Pos: u.task.Pos})
	if err != nil {
		u.errs.Add(err)
		return 0
	}
	return t
}

// ask adds the container to the question to its host, and gives what is registered.
func (u *unfolding) ask(s tasks.LinkSpec) string {
	at := slices.Index(u.hosts, s.ToHost)
	if at < 0 {
		at = len(u.hosts)
		u.hosts = append(u.hosts, s.ToHost)
		u.tasks = append(u.tasks, u.question(s.ToHost))
	}
	t := u.tasks[at]
	args := t.args.(map[string]any)
	if list := args["containers"].([]any); !slices.Contains(list, any(s.Container)) {
		args["containers"] = append(list, s.Container)
	}
	return t.register
}

// question is the task that asks a host once for all.
func (u *unfolding) question(host string) *Task {
	q := u.newTask(u.task.Pos, u.here)
	q.Kind, q.Name, q.name = "container_info", "ports of "+host+" that links lead to", nil
	q.kind, _ = tasks.Lookup(q.Kind)
	q.args = map[string]any{"containers": []any{}}
	q.register, q.runOnce, q.delegate = fmt.Sprintf("netrun_ports_%d", q.ID), true, host
	q.Tags, q.vars, q.become, q.becomeUser = u.task.Tags, u.task.vars, u.task.become, u.task.becomeUser
	return q
}
