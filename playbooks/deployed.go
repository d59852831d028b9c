package playbooks

import (
	"fmt"
	"net/netip"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"netrun/inventory/diag"
	"netrun/playbooks/deployment"
	"netrun/tasks"
	"netrun/tasks/state"
)

// Deployed is a deployment that a playbook's task makes.
type Deployed struct {
	Name string
	Pos  diag.Pos // of the task
	Play int      // number of the play whose task makes it, from 0
	Save string   // file that the annotated form goes to, "" for none
	Plan *deployment.Plan

	args     *tasks.Deploy
	register string // what hosts register of their instances
	env      []deployment.Variable
	made     map[*deployment.PlannedLink][]any // links in the form of tasks, by the first of a list
	play     *Play
	here     map[string]bool // hosts of the play, nil where they are not known
}

// removes reports whether instances on hosts of the play are to go.
func (d *Deployed) removes() bool {
	return slices.ContainsFunc(d.Plan.Removed, func(i deployment.Instance) bool { return d.here == nil || d.here[hostName(i.On)] })
}

// dated is what geard puts behind the name of an annotated file.
var dated = regexp.MustCompile(`\.[0-9]{8}-[0-9]{6}$`)

// DeploymentName is what the deployment of a descriptor is called: its file, without the
// date or the word that an annotated one carries and without the form that it is written in.
func DeploymentName(file string) string {
	name := dated.ReplaceAllString(path.Base(file), "")
	for _, ext := range []string{".json", ".yaml", ".yml"} {
		name = strings.TrimSuffix(name, ext)
	}
	return strings.TrimSuffix(strings.TrimSuffix(name, ".deployed"), ".descriptor")
}

// Hint is what the annotated file's name does not say by itself: what the deployment is called.
func (d *Deployed) Hint() string {
	if DeploymentName(d.Save) == d.Name {
		return ""
	}
	return " (commands about it want --name " + d.Name + ", too)"
}

// AnnotatedName is where geard puts the annotated file of a descriptor: in the current
// directory, with the time behind its name in the place of an earlier one.
func AnnotatedName(file string, now time.Time) string {
	return dated.ReplaceAllString(path.Base(filepath.ToSlash(file)), "") + now.UTC().Format(".20060102-150405")
}

// Note takes what a host told of its instances: the ports that it gave out.
func (d *Deployed) Note(host string, exports map[string]any) error {
	registered, ok := exports[d.register].(map[string]any)
	if !ok {
		return nil
	}
	containers, _ := registered["containers"].(map[string]any)
	for _, p := range d.Plan.Instances {
		if hostName(p.Instance.On) != host {
			continue
		}
		seen, _ := containers[d.at()+p.Instance.ID].(map[string]any)
		ports, _ := seen["ports"].(map[string]any)
		for _, port := range p.Instance.Ports {
			n, known := number(ports[fmt.Sprintf("%d/tcp", port.Internal)])
			if !known {
				continue
			}
			if err := d.Plan.SetExternal(p.Instance.ID, port.Internal, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// number is an integer that came as JSON.
func number(v any) (int, bool) {
	switch n := v.(type) {
	case int:
		return n, true
	case float64:
		return int(n), true
	}
	return 0, false
}

// Unknown lists the ports whose hosts have not said what leads to them.
func (d *Deployed) Unknown() []string {
	var out []string
	for _, p := range d.Plan.Instances {
		for _, port := range p.Instance.Ports {
			if port.External == 0 {
				out = append(out, fmt.Sprintf("%s %d", p.Instance.ID, port.Internal))
			}
		}
	}
	return out
}

// Secret reports whether the annotated form holds variables, which may be secrets.
func (d *Deployed) Secret() bool {
	return slices.ContainsFunc(d.Plan.Deployed.Containers, func(c deployment.Container) bool { return len(c.Environment) > 0 }) ||
		slices.ContainsFunc(d.Plan.Deployed.Instances, func(i deployment.Instance) bool { return len(i.Environment) > 0 })
}

// Keeps reports whether the annotated form is to be written: it says where instances are.
func (d *Deployed) Keeps() bool { return d.Save != "" && whole(d.args) && !d.args.Partial }

// place is where the container of that name stands in the descriptor.
func (d *Deployed) place(container string) diag.Pos {
	for _, c := range d.Plan.Deployed.Containers {
		if c.Name == container && c.Pos.File != "" {
			return c.Pos
		}
	}
	return d.Pos
}

// container are the arguments of the instance's container task.
func (d *Deployed) container(p deployment.Planned) map[string]any {
	m := map[string]any{"name": p.Instance.ID, "image": p.Instance.Image, "restart": "unless-stopped", "group": d.Name,
		"runtime": d.args.Runtime, "settle": d.args.Settle.String(), "state": "started"}
	if env := d.environment(p); len(env) > 0 {
		m["env"] = env
	}
	return m
}

// doing are the arguments of the container task that is run. Where instances are only
// started or restarted it says nothing of what they are made from: it is not all in the
// annotated file, and nothing is to be made anew.
func (d *Deployed) doing(p deployment.Planned) map[string]any {
	m := d.container(p)
	if whole(d.args) {
		return m
	}
	for _, made := range []string{"image", "restart", "env"} {
		delete(m, made)
	}
	if d.args.State == "restarted" {
		m["state"] = "restarted"
	}
	return m
}

// environment are the variables of an instance: those of its links, those of all, and its own.
func (d *Deployed) environment(p deployment.Planned) map[string]any {
	env := map[string]any{}
	if d.args.Variables {
		for _, target := range targetsOf(p) {
			for _, line := range strings.Split(string(d.variables(p, target)), "\n") {
				if name, value, ok := strings.Cut(line, "="); ok {
					env[name] = value
				}
			}
		}
	}
	for _, list := range [][]deployment.Variable{d.env, p.Instance.Environment} {
		for _, v := range list {
			env[v.Name] = v.Value
		}
	}
	return env
}

// targetsOf are the instances that an instance is linked to, but for itself, in the order of its links.
func targetsOf(p deployment.Planned) []string {
	var out []string
	for _, l := range p.Links {
		if l.Target != p.Instance.ID && !slices.Contains(out, l.Target) {
			out = append(out, l.Target)
		}
	}
	return out
}

// variables are those of docker run --link, with the link's local address for the target's.
func (d *Deployed) variables(p deployment.Planned, target string) []byte {
	var ports []state.LinkPort
	var ip netip.Addr
	for _, l := range p.Links {
		if at, err := netip.ParseAddr(l.From.Host); err == nil && l.Target == target && (!ip.IsValid() || at == ip) {
			ip = at
			ports = append(ports, state.LinkPort{Number: l.Internal, Reached: l.From.Port, Proto: "tcp"})
		}
	}
	return state.LinkVariables(p.Instance.ID, target, ip, ports, nil)
}

// pairs are the instance's ports in geard's form, INTERNAL:EXTERNAL,...
func pairs(i *deployment.Instance) string {
	var out []string
	for _, p := range i.Ports {
		out = append(out, fmt.Sprintf("%d:%d", p.Internal, p.External))
	}
	return strings.Join(out, ",")
}

// links are the instance's links, in the form of the link task. The instances of a
// container share them.
func (d *Deployed) links(p deployment.Planned) []any {
	if len(p.Links) == 0 {
		return []any{}
	}
	if made, known := d.made[&p.Links[0]]; known {
		return made
	}
	out := make([]any, 0, len(p.Links))
	for _, l := range p.Links {
		out = append(out, map[string]any{"from": l.From.Host, "from_port": l.From.Port, "to": hostName(l.On), "to_port": l.Internal, "container": d.at() + l.Target})
	}
	d.made[&p.Links[0]] = out
	return out
}

// at stands before the name of an instance where it is said whose containers they are.
func (d *Deployed) at() string {
	if d.args.Runtime == "auto" {
		return ""
	}
	return d.args.Runtime + ":"
}
