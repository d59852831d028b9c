package tasks

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Deploy is a deployment of geard: counted containers, placed over the hosts of the play
// and linked. When the playbook is loaded it becomes the tasks that make it, of which it
// is the last: the one that tells the instances.
type Deploy struct {
	Descriptor string        `arg:"descriptor" doc:"file with the descriptor, JSON or YAML"`
	Deployed   string        `arg:"deployed" doc:"the annotated file: its instances are kept where they are, if it is there, and it is written after the play"`
	Save       string        `arg:"save" doc:"another file that the annotated form is written to"`
	Hosts      []string      `arg:"hosts" doc:"hosts or patterns, in the order in which instances are dealt out; one that is listed twice gets twice as much. Unset, the hosts of the play"`
	Placement  string        `arg:"placement" default:"round-robin" choices:"round-robin,spread" doc:"round-robin deals new instances out from the first host on; spread gives each to the host with the fewest, and heeds Affinity"`
	NonLocal   Addr          `arg:"nonlocal" doc:"first address of links that are NonLocal; unset, 192.168.1.1"`
	EnvFile    string        `arg:"env_file" doc:"file on the controller with variables for every instance, NAME=VALUE in each line; they stay out of the annotated file"`
	Variables  bool          `arg:"variables" doc:"give each instance the variables of docker run --link for what it is linked to"`
	HostsLines bool          `arg:"hosts_lines" doc:"give each instance a line in its hosts file for what it is linked to"`
	Runtime    string        `arg:"runtime" default:"auto" choices:"auto,docker,podman" doc:"auto: where a container is already; else docker where it is installed, else podman"`
	Settle     time.Duration `arg:"settle" default:"500ms" doc:"how long a started container has to keep running"`
	Partial    bool          `arg:"partial" doc:"the hosts of the play are only some of the deployment's"`
	State      string        `arg:"state" default:"started" choices:"started,restarted,stopped,absent,info" doc:"started makes it so; the others do it to the instances of the annotated file; info only looks"`

	Name      string         `arg:"name" doc:"what the deployment is called; unset, the descriptor's file"`
	Instances []any          `arg:"instances" doc:"netrun's own: the instances, once they are placed"`
	Ports     map[string]any `arg:"ports" doc:"netrun's own: what container_info registered, by host"`
	Host      string         `arg:"host" doc:"netrun's own: the host that tells"`
	Checked   bool           `arg:"checked" doc:"netrun's own: nothing was done, only looked at"`
}

func init() {
	Register(Kind{Name: "deploy", Short: "containers, placed over hosts and linked (gear deploy)", Free: "descriptor", New: func() Task { return new(Deploy) }})
}

// Check implements Task.
func (d *Deploy) Check() error {
	var errs []error
	switch {
	case d.Instances != nil:
	case d.State != "started" && d.Descriptor == "" && d.Deployed == "":
		errs = append(errs, Wrong("deployed", "which deployment? give the annotated file"))
	case d.State == "started" && d.Descriptor == "" && d.Deployed == "":
		errs = append(errs, Wrong("descriptor", "which deployment? give its descriptor"))
	}
	if d.Settle < 0 || d.Settle > time.Minute {
		errs = append(errs, Wrong("settle", "%s is not a time from 0s to 1m", d.Settle))
	}
	return errors.Join(append(errs, checkLine("name", d.Name))...)
}

// Inline implements Inline: it tells the instances, with the ports that their hosts publish.
func (d *Deploy) Inline(Vars) (Outcome, error) {
	var lines, left []string
	all := []any{}
	for _, item := range d.Instances {
		given, ok := item.(map[string]any)
		if !ok {
			continue
		}
		i := make(map[string]any, len(given))
		for name, v := range given {
			i[name] = v
		}
		on, _ := i["host"].(string)
		id, _ := i["id"].(string)
		name, _ := i["container"].(string)
		seen := told(d.Ports, on, "containers", cmp.Or(name, id))
		i["ports"], i["running"] = told(seen, "ports"), told(seen, "running") == true
		all = append(all, i)
		if on == d.Host {
			links, _ := i["links"].([]any)
			if d.State == "info" { // else they were made after the host was asked
				links, _ = told(seen, "links").([]any)
			}
			switch {
			case d.State == absent && !d.Checked && told(seen, "exists") == true:
				left = append(left, id)
				continue
			case d.State == absent:
				lines = append(lines, id+map[bool]string{false: " is removed", true: " would be removed"}[d.Checked])
				continue
			}
			lines = append(lines, instanceLine(id, i, links))
		}
	}
	if len(left) > 0 {
		return Outcome{}, &Failure{Msg: "still there: " + strings.Join(left, ", ")}
	}
	slices.Sort(lines)
	msg := strings.Join(lines, "\n")
	if msg == "" {
		msg = "no instance here"
	}
	return Outcome{Msg: msg, Data: map[string]any{"name": d.Name, "instances": all}}, nil
}

// told is what stands in nested maps under the names, nil for nothing.
func told(tree any, names ...string) any {
	for _, n := range names {
		m, ok := tree.(map[string]any)
		if !ok {
			return nil
		}
		tree = m[n]
	}
	return tree
}

// instanceLine is an instance in one line: web-1 runs, 3000/tcp -> 4000, 127.0.0.1:6379 -> 10.0.0.2:4001.
func instanceLine(id string, i map[string]any, links []any) string {
	text := id + " does not run"
	if i["running"] == true {
		text = id + " runs"
	}
	ports, _ := i["ports"].(map[string]any)
	for _, p := range sortedKeys(ports) {
		text += fmt.Sprintf(", %s at port %v", p, ports[p])
	}
	for _, l := range links {
		text += fmt.Sprintf(", %v", l)
	}
	return text
}
