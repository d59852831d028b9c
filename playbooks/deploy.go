package playbooks

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
	"netrun/playbooks/deployment"
	"netrun/tasks"
	"netrun/templates"
)

// deploy unfolds a task of kind deploy: the descriptor is resolved over the play's
// hosts, and tasks for containers, ports and links take its place.
func (l *loader) deploy(t *Task, here *setting) []*Task {
	args, ok := l.deployArguments(t, here)
	if !ok {
		return nil
	}
	switch {
	case t.loop != nil:
		l.errs.Add(diag.Errorf(t.Pos, "deploy takes no loop: write one task for each descriptor"))
		return nil
	case t.delegate != nil || t.runOnce || here.handler:
		l.errs.Add(diag.Errorf(t.Pos, "deploy is for all hosts of its play: no delegate_to, no run_once, and no handler"))
		return nil
	}
	d := l.deployment(t, args, here)
	if d == nil {
		return nil
	}
	root, err := yamlpos.Parse(here.file, []byte(d.tasks()))
	if err != nil {
		l.errs.Add(fmt.Errorf("tasks of deploy: %w", err))
		return nil
	}
	inner := *here
	inner.depth++
	persist := !t.fleeting
	inner.inherited = inherited{tags: t.Tags, when: t.when, vars: t.vars, become: t.become, becomeUser: t.becomeUser,
		noLog: &t.noLog, repair: &t.repair, persist: &persist}
	inner.vars.fixed = prepend(map[string]any{"netrun_deploy": d.data()}, t.vars.fixed)
	out := l.taskList(at(root, t.Pos), &inner)
	for _, made := range out {
		made.exported = made.Kind == "container_info"
	}
	if len(out) > 0 {
		last := out[len(out)-1]
		last.register, last.changedWhen, last.failedWhen = t.register, t.changedWhen, t.failedWhen
		if t.Name != t.Kind {
			last.Name, last.name = t.Name, t.name
		}
	}
	return out
}

// told reports whether the task is what a deployment's task has become.
func told(t *Task) bool {
	args, ok := t.args.(map[string]any)
	return ok && args["instances"] != nil
}

// at gives every node the place of the task that it is made of.
func at(n *yamlpos.Node, pos diag.Pos) *yamlpos.Node {
	n.Pos = pos
	for _, list := range [][]*yamlpos.Node{n.Keys, n.Values, n.Items} {
		for _, inner := range list {
			at(inner, pos)
		}
	}
	return n
}

// deployArguments are the task's arguments, which have to be known while loading.
func (l *loader) deployArguments(t *Task, here *setting) (*tasks.Deploy, bool) {
	known, err := templates.Render(t.args, templates.NewScope(here.earlyLayers(l.extra)...))
	if err != nil {
		l.errs.Add(diag.Errorf(t.Pos, "a deployment is resolved before the hosts are known: %s", reason(err)))
		return nil, false
	}
	task, _, err := t.kind.Decode(known)
	if err == nil {
		err = task.Check()
	}
	if err != nil {
		for _, e := range t.argumentErrors(err) {
			l.errs.Add(e)
		}
		return nil, false
	}
	return task.(*tasks.Deploy), true
}

// deployment resolves the descriptor; nil where it has reported a mistake.
func (l *loader) deployment(t *Task, args *tasks.Deploy, here *setting) *Deployed {
	d := &Deployed{args: args, register: fmt.Sprintf("netrun_deployed_%d", t.ID), Pos: t.Pos, play: here.play, made: map[*deployment.PlannedLink][]any{}}
	descriptor, ok := l.descriptor(t, args, here, d)
	if !ok {
		return nil
	}
	hosts, ok := l.deployHosts(t, args, here, descriptor)
	if !ok {
		return nil
	}
	o := deployment.Options{Hosts: hosts, NonLocal: args.NonLocal.Addr, Random: rand.Reader}
	if args.Placement == "spread" {
		o.Placement = deployment.Spread
	}
	key := fmt.Sprint(d.Name, "\x00", args.State)
	plan, known := l.plans[key]
	switch {
	case known && !args.Partial:
		l.errs.Add(diag.Errorf(t.Pos, "deployment %s is made by another task already", d.Name).WithHint("give one of them another name"))
		return nil
	case !known: // else it is another play's part of the same deployment
		var err error
		if plan, err = descriptor.Resolve(o); err != nil {
			l.errs.Add(placed(err, t.Pos))
			return nil
		}
		for _, conflict := range plan.Conflicts() {
			l.errs.Add(placed(conflict, t.Pos))
		}
		l.plans[key] = plan
		l.book.Deployments = append(l.book.Deployments, d)
	}
	d.Plan = plan
	if !l.variablesOfAll(t, args, here, d) || !l.checkInstances(d) {
		return nil
	}
	l.covers(d, here)
	return d
}

// placed gives a mistake without a place that of the task.
func placed(err error, pos diag.Pos) error {
	if e, ok := err.(*diag.Error); ok && e.Pos.File != "" {
		return e
	}
	return diag.Errorf(pos, "%v", err)
}

// descriptor reads the descriptor and the annotated file, whose instances are kept.
func (l *loader) descriptor(t *Task, args *tasks.Deploy, here *setting, d *Deployed) (*deployment.Deployment, bool) {
	from := args.Descriptor
	if from == "" {
		from = args.Deployed
	}
	d.Name = args.Name
	if d.Name == "" {
		d.Name = DeploymentName(from)
	}
	d.Save = cmp.Or(args.Save, args.Deployed)
	out, ok := l.deploymentFile(t, here, from)
	if !ok || args.Deployed == "" || args.Descriptor == "" {
		return l.asTheyAre(t, args, out, from), ok
	}
	if l.exists(join(l.book.Dir, args.Deployed)) {
		before, read := l.deploymentFile(t, here, args.Deployed)
		if !read {
			return nil, false
		}
		out.Instances = before.Instances
	}
	return l.asTheyAre(t, args, out, args.Deployed), true
}

// whole reports whether the descriptor has the say: new instances are made up to its
// counts. Else the instances stay as they are listed.
func whole(args *tasks.Deploy) bool { return args.State == "started" && args.Descriptor != "" }

// asTheyAre counts, unless the descriptor has the say, the instances that are listed.
func (l *loader) asTheyAre(t *Task, args *tasks.Deploy, d *deployment.Deployment, file string) *deployment.Deployment {
	if d == nil || whole(args) {
		return d
	}
	counts := map[string]int{}
	for _, i := range d.Instances {
		if i.On != "" {
			counts[i.From]++
		}
	}
	if len(counts) == 0 {
		l.errs.Add(diag.Errorf(t.Pos, "There are no deployed instances listed in %s", file))
	}
	for i := range d.Containers {
		d.Containers[i].Count = counts[d.Containers[i].Name]
	}
	return d
}

func (l *loader) deploymentFile(t *Task, here *setting, name string) (*deployment.Deployment, bool) {
	file := name
	if !strings.Contains(name, "://") {
		file = l.beside(name, here)
	}
	text, err := l.text(file)
	if err != nil {
		l.errs.Add(diag.Errorf(t.Pos, "read descriptor: %v", err))
		return nil, false
	}
	d, warnings, err := deployment.Parse(file, text)
	l.book.Warnings = append(l.book.Warnings, warnings...)
	l.errs.Add(err)
	return d, err == nil
}

// beside finds a file beside the tasks that name it, in the role's files, or beside the playbook.
func (l *loader) beside(name string, here *setting) string {
	candidates := []string{join(filepath.Dir(here.file), name)}
	if here.role != nil {
		candidates = append(candidates, filepath.Join(here.role.dir, "files", name))
	}
	for _, c := range append(candidates, join(l.book.Dir, name)) {
		if l.exists(c) {
			return c
		}
	}
	return join(l.book.Dir, name)
}

// variablesOfAll reads the variables of env_file.
func (l *loader) variablesOfAll(t *Task, args *tasks.Deploy, here *setting, d *Deployed) bool {
	if args.EnvFile == "" {
		return true
	}
	file := l.beside(args.EnvFile, here)
	text, err := l.text(file)
	if err != nil {
		l.errs.Add(diag.Errorf(t.Pos, "read env_file: %v", err))
		return false
	}
	vars, skipped := deployment.ParseEnv(file, text)
	d.env = vars
	l.book.Warnings = append(l.book.Warnings, skipped...)
	return true
}

// checkInstances has the container task look at each instance, so that a mistake is
// shown in the descriptor.
func (l *loader) checkInstances(d *Deployed) bool {
	kind, _ := tasks.Lookup("container")
	ok := true
	for _, p := range d.Plan.Instances {
		task, _, err := kind.Decode(d.container(p))
		if err == nil {
			err = task.Check()
		}
		switch p.Instance.Image {
		case "":
			err = errors.New("an instance without an image")
		case p.Instance.ID:
			//lint:ignore ST1005 the words are geard's
			err = fmt.Errorf("Image name and container id must not be the same: %s", p.Instance.Image)
		}
		if err != nil {
			ok = false
			l.errs.Add(diag.Errorf(d.place(p.Instance.From), "instance %s: %s", p.Instance.ID, reason(err)))
		}
	}
	return ok
}

// numberPlays tells the deployments which play of the playbook makes them.
func (l *loader) numberPlays() {
	for _, d := range l.book.Deployments {
		d.Play = slices.Index(l.book.Plays, d.play)
	}
}
