package playbooks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"netrun/playbooks/deployment"
)

// The tasks of a deployment, each of which loops over what it is about on its host. Their
// order is geard's: what is no longer wanted goes first, since new instances may want its
// names and ports.
const (
	unpublishTask = `
- name: "NAME: ports of what is no longer wanted"
  publish: {container: "{{ .netrun_deploy.at }}{{ .id }}", name: "deploy {{ .id }}", state: absent}
  loop: "{{ get .netrun_deploy.removed .inventory_hostname (list) }}"
  loop_control: {loop_var: id}
`
	removeTask = `
- name: "NAME: remove what is no longer wanted"
  container: {name: "{{ .id }}", state: absent, group: "{{ .netrun_deploy.name }}", runtime: "{{ .netrun_deploy.runtime }}"}
  loop: "{{ get .netrun_deploy.removed .inventory_hostname (list) }}"
  loop_control: {loop_var: id}
`
	stopTask = `
- name: "NAME: stop"
  container: {name: "{{ .id }}", state: stopped, group: "{{ .netrun_deploy.name }}", runtime: "{{ .netrun_deploy.runtime }}"}
  loop: "{{ get .netrun_deploy.here .inventory_hostname (list) }}"
  loop_control: {loop_var: id}
`
	startTask = `
- name: "NAME: containers"
  container: "{{ index .netrun_deploy.containers .id }}"
  loop: "{{ get .netrun_deploy.here .inventory_hostname (list) }}"
  loop_control: {loop_var: id}
`
	publishTask = `
- name: "NAME: ports"
  publish: {container: "{{ .netrun_deploy.at }}{{ .id }}", name: "deploy {{ .id }}", pairs: "{{ index .netrun_deploy.pairs .id }}"}
  loop: "{{ get .netrun_deploy.published .inventory_hostname (list) }}"
  loop_control: {loop_var: id}
`
	infoTask = `
- name: "NAME: what runs, and at which ports"
  container_info: {containers: "{{ get .netrun_deploy.seen .inventory_hostname (list) }}", running: RUNNING}
  register: REGISTER
`
	linkTask = `
- name: "NAME: links"
  link: {container: "{{ .netrun_deploy.at }}{{ .id }}", name: "deploy {{ .id }}", links: "{{ index .netrun_deploy.links .id }}", ports: '{{ pluck .hostvars "REGISTER" }}', waits: "{{ .check_mode }}"}
  loop: "{{ get .netrun_deploy.here .inventory_hostname (list) }}"
  loop_control: {loop_var: id}
`
	hostsLineTask = `
- name: "NAME: hosts lines"
  container_link: {container: "{{ .netrun_deploy.at }}{{ .l.id }}", source: "{{ .l.target }}", host: "{{ .l.host }}", address: "{{ .l.address }}", hosts: true, variables: false}
  loop: "{{ get .netrun_deploy.lines .inventory_hostname (list) }}"
  loop_control: {loop_var: l, label: "{{ .l.id }} {{ .l.target }}"}
`
	tellTask = `
- name: "NAME"
  deploy: {name: "{{ .netrun_deploy.name }}", state: STATE, checked: "{{ .check_mode }}", instances: "{{ .netrun_deploy.instances }}", host: "{{ .inventory_hostname }}", ports: '{{ pluck .hostvars "REGISTER" }}'}
`
)

// tasks is the YAML of the deployment's tasks. What is in it of the descriptor comes in
// by variables: no text of a descriptor is a template.
func (d *Deployed) tasks() string {
	var parts []string
	running := "false"
	switch d.args.State {
	case "info":
		parts = []string{infoTask}
	case "absent":
		parts = []string{unpublishTask, removeTask, infoTask}
	case "stopped":
		parts = []string{stopTask, infoTask}
	default:
		running = `"{{ not .check_mode }}"`
		if d.removes() {
			parts = append(parts, unpublishTask, removeTask)
		}
		if d.args.Partial {
			break // all others are made elsewhere
		}
		parts = append(parts, startTask, publishTask, infoTask, linkTask)
		if d.args.HostsLines {
			parts = append(parts, hostsLineTask)
		}
	}
	if !d.args.Partial {
		parts = append(parts, tellTask)
	}
	text := strings.Join(parts, "")
	return strings.NewReplacer("NAME", plainTitle(d.Name), "REGISTER", d.register, "RUNNING", running, "STATE", d.args.State).Replace(text)
}

// plainTitle is a name that is no template and ends no text of YAML.
func plainTitle(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("\"\\{}", r) || r < ' ' {
			return '_'
		}
		return r
	}, name)
}

// given is a map that templates look into and that is not itself looked through for
// templates: a descriptor holds none, and may be large.
type given map[string]any

// Get implements templates.Getter.
func (g given) Get(key string) (any, bool, error) {
	v, ok := g[key]
	return v, ok, nil
}

// Keys implements templates.Getter.
func (g given) Keys() []string { return slices.Sorted(maps.Keys(g)) }

// data is the variable netrun_deploy: what the tasks are about, by host and by instance.
func (d *Deployed) data() given {
	here, seen, published, removed, lines := map[string]any{}, map[string]any{}, map[string]any{}, map[string]any{}, map[string]any{}
	containers, allPairs, allLinks := map[string]any{}, map[string]any{}, map[string]any{}
	instances := []any{}
	add := func(to map[string]any, host string, v any) {
		list, _ := to[host].([]any)
		to[host] = append(list, v)
	}
	for _, p := range d.Plan.Instances {
		id, host := p.Instance.ID, hostName(p.Instance.On)
		add(seen, host, d.at()+id)
		instances = append(instances, map[string]any{"id": id, "container": d.at() + id, "host": host, "from": p.Instance.From, "image": p.Instance.Image, "links": planned(p)})
		if d.args.State == "absent" {
			add(removed, host, id)
			continue
		}
		add(here, host, id)
		containers[id], allPairs[id], allLinks[id] = d.doing(p), pairs(p.Instance), d.links(p)
		if len(p.Instance.Ports) > 0 {
			add(published, host, id)
		}
		for _, l := range d.lines(p) {
			add(lines, host, l)
		}
	}
	for _, i := range d.Plan.Removed {
		add(removed, hostName(i.On), i.ID)
	}
	return given{"name": d.Name, "runtime": d.args.Runtime, "at": d.at(), "here": here, "seen": seen, "published": published, "removed": removed,
		"containers": containers, "pairs": allPairs, "links": allLinks, "lines": lines, "instances": instances}
}

// planned are the instance's links as people read them, with the targets' own ports.
func planned(p deployment.Planned) []any {
	out := []any{}
	for _, l := range p.Links {
		out = append(out, fmt.Sprintf("%s:%d -> %s:%d", l.From.Host, l.From.Port, l.Target, l.Internal))
	}
	return out
}

// lines are the hosts lines of an instance: one for each instance that it is linked to.
func (d *Deployed) lines(p deployment.Planned) []any {
	var out []any
	for _, target := range targetsOf(p) {
		at := slices.IndexFunc(p.Links, func(l deployment.PlannedLink) bool { return l.Target == target })
		l := p.Links[at]
		out = append(out, map[string]any{"id": p.Instance.ID, "target": target, "host": hostName(l.On), "address": l.From.Host})
	}
	return out
}
