package laws

import (
	"errors"
	"fmt"
	"sort"

	"go.yaml.in/yaml/v3"

	"netrun/tasks"
	"netrun/tasks/doc"
	"netrun/tasks/state"
)

// Example is the example of a kind's page: the tasks that make the state it starts
// from, and the example itself. The page's block "text source" stands for files of
// the controller.
func Example(kind string) (given, example []tasks.Task, err error) {
	page, ok := doc.Page(kind)
	if !ok {
		return nil, nil, fmt.Errorf("kind %s has no page", kind)
	}
	source, _ := doc.Block(page, "text source")
	if text, ok := doc.Block(page, "yaml given"); ok {
		if given, err = Tasks(text, source); err != nil {
			return nil, nil, fmt.Errorf("yaml given of %s: %w", kind, err)
		}
	}
	text, ok := doc.Block(page, "yaml example")
	if !ok {
		return nil, nil, fmt.Errorf("the page of %s has no block yaml example", kind)
	}
	if example, err = Tasks(text, source); err != nil {
		return nil, nil, fmt.Errorf("yaml example of %s: %w", kind, err)
	}
	return given, example, nil
}

// Wants are the objects that the tasks want; nil if one of them is no objects.
func Wants(list []tasks.Task) []state.Want {
	var wants []state.Want
	for _, t := range list {
		w, ok := t.(tasks.Wanter)
		if !ok {
			return nil
		}
		wants = append(wants, w.Want()...)
	}
	return wants
}

// Tasks reads a YAML list of tasks as it stands in a playbook, expands them with
// the inventory of the examples, and checks them.
func Tasks(text, source string) ([]tasks.Task, error) {
	var entries []map[string]any
	if err := yaml.Unmarshal([]byte(text), &entries); err != nil {
		return nil, err
	}
	var out []tasks.Task
	for _, e := range entries {
		t, err := task(e)
		if err != nil {
			return nil, err
		}
		if s, ok := t.(tasks.Sourcer); ok {
			for i := range s.Sources() {
				s.Fill(i, []byte(source))
			}
		}
		out = append(out, t)
	}
	return out, nil
}

func task(entry map[string]any) (tasks.Task, error) {
	names := make([]string, 0, len(entry))
	for name := range entry {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		kind, ok := tasks.Lookup(name)
		if !ok {
			continue // name, register, ...
		}
		t, complete, err := kind.Decode(entry[name])
		if err != nil || !complete {
			return nil, errors.Join(err, unfinished(complete))
		}
		if x, ok := t.(tasks.Expander); ok {
			if err := x.Expand(Inventory()); err != nil {
				return nil, err
			}
		}
		return t, t.Check()
	}
	return nil, fmt.Errorf("no kind among %v", names)
}

func unfinished(complete bool) error {
	if complete {
		return nil
	}
	return errors.New("an argument is not known yet")
}

// inventory is that of the examples.
type inventory struct {
	self   string
	groups map[string][]string
	vars   map[string]map[string]any
}

// Inventory is the inventory of the examples: a router, and three nodes behind it.
func Inventory() tasks.Inventory {
	return inventory{self: "router1", groups: map[string][]string{"nodes": {"node1", "node2", "node3"}, "docker_hosts": {"router1", "node1", "node2"}}, vars: map[string]map[string]any{
		"node1": {"node_subnet": "11.11.1.0/24", "node_address": "192.168.2.1"},
		"node2": {"node_subnet": "11.11.2.0/24", "node_address": "192.168.3.3"},
		"node3": {"node_subnet": []any{"11.11.3.0/24", "fd00:11:3::/64"}, "node_address": []any{"192.168.3.4", "fd00:3::4"}},
	}}
}

// Self implements tasks.Inventory.
func (i inventory) Self() string { return i.self }

// Group implements tasks.Inventory.
func (i inventory) Group(name string) ([]string, bool) {
	if _, host := i.vars[name]; host {
		return []string{name}, true
	}
	hosts, ok := i.groups[name]
	return hosts, ok
}

// Var implements tasks.Inventory.
func (i inventory) Var(host, name string) (any, bool, error) {
	value, ok := i.vars[host][name]
	return value, ok, nil
}
