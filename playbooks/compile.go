package playbooks

import (
	"slices"

	"netrun/inventory"
	"netrun/inventory/diag"
	"netrun/inventory/ipam"
	"netrun/playbooks/script"
	"netrun/tasks"
	"netrun/tasks/state"
	"netrun/templates"
)

// CompileOptions say what is wanted of a play.
type CompileOptions struct {
	Inventory    *inventory.Inventory
	InventoryDir string
	Check        bool
	Tags         []string // run only these; empty is all
	SkipTags     []string
	StartAt      string // name of the first task to run, or a glob
	// PlayHosts are the hosts of the whole play, where Compile gets a batch of them; nil is those of Compile.
	PlayHosts []*inventory.Host
}

// Compiled is a play made ready for some hosts.
type Compiled struct {
	Play  *Play
	Hosts []string // in the order in which they run
	// Scripts are by host. Nodes that are the same for several hosts are shared.
	Scripts map[string]*script.Script

	wants map[string][]Wanted
}

// Wanted is what one task wants of a host, as far as it is known beforehand.
type Wanted struct {
	Node  *script.Node
	Item  string // of a loop
	Wants []state.Want
}

// Wants lists what the tasks want of a host, for looking at the whole network at
// once. Tasks that depend on what the host says are not among them.
func (c *Compiled) Wants(host string) []Wanted { return c.wants[host] }

// Compile makes the play's scripts for hosts. The error joins every mistake, as
// *diag.Error: nothing is to be run then.
func (p *Play) Compile(hosts []*inventory.Host, o CompileOptions) (*Compiled, error) {
	if o.PlayHosts == nil {
		o.PlayHosts = hosts
	}
	c := newCompiler(p, hosts, o)
	if c.slices == nil {
		return c.result()
	}
	c.selectTasks()
	for _, h := range c.hosts {
		h.script = &script.Script{Play: p.Name, Host: h.name, ForceHandlers: p.ForceHandlers, Segments: [][]*script.Node{}}
	}
	c.reset()
	for i := range c.segments {
		for _, h := range c.hosts {
			h.script.Segments = append(h.script.Segments, nil)
		}
		for _, t := range c.segments[i] {
			c.task(t, func(h *host, n *script.Node) {
				h.script.Segments[i] = append(h.script.Segments[i], n)
			})
		}
	}
	for _, t := range p.Handlers {
		c.task(t, func(h *host, n *script.Node) { h.script.Handlers = append(h.script.Handlers, n) })
	}
	return c.result()
}

// compiler is one call of Compile.
type compiler struct {
	play     *Play
	options  CompileOptions
	hosts    []*host
	byName   map[string]*host
	segments [][]*Task
	selected map[*Task]bool
	runtime  map[string]bool // variables that only the host knows, so far
	skipped  map[string]bool // variables of tasks that are not selected
	exports  map[string]bool // registered variables that other hosts read
	readers  map[*Task]bool  // tasks that read them
	groups   map[string]any
	cache    map[inventoryText]any
	varFiles map[string]map[string]any
	slices   map[string][]ipam.Slice // of the inventory's ranges, by host
	problems problems
	out      *Compiled
}

type inventoryText struct {
	text string
	pos  diag.Pos
}

func newCompiler(p *Play, hosts []*inventory.Host, o CompileOptions) *compiler {
	c := &compiler{play: p, options: o, byName: map[string]*host{}, selected: map[*Task]bool{}, exports: map[string]bool{},
		cache: map[inventoryText]any{}, varFiles: map[string]map[string]any{},
		out: &Compiled{Play: p, Scripts: map[string]*script.Script{}, wants: map[string][]Wanted{}}}
	c.problems.total = len(hosts)
	c.planSlices()
	for _, h := range hosts {
		c.hosts = append(c.hosts, c.host(h))
	}
	return c
}

// reset forgets which variables are registered: a second walk begins.
func (c *compiler) reset() {
	c.runtime, c.skipped = map[string]bool{"facts": true, "ansible_facts": true}, map[string]bool{}
	for _, name := range c.play.before {
		c.runtime[name] = true
	}
}

func (c *compiler) result() (*Compiled, error) {
	if err := c.problems.err(); err != nil {
		return nil, err
	}
	for _, h := range c.hosts {
		c.out.Hosts = append(c.out.Hosts, h.name)
		c.out.Scripts[h.name] = h.script
	}
	return c.out, nil
}

// task compiles a task for every host, and gives each its node.
func (c *compiler) task(t *Task, put func(*host, *script.Node)) {
	if !c.selected[t] {
		t.walk(func(t *Task) {
			for _, name := range t.sets() {
				c.skipped[name] = true
			}
		})
		return
	}
	if t.Kind == "" {
		c.block(t, put)
		return
	}
	shared := &sharing{}
	for _, h := range c.hosts {
		n, wanted := c.node(h, t)
		n = shared.same(n)
		put(h, n)
		for _, w := range wanted {
			w.Node = n
			c.out.wants[h.name] = append(c.out.wants[h.name], w)
		}
	}
	for _, name := range t.sets() {
		c.runtime[name] = true
	}
}

// block compiles a block, whose parts are compiled for all hosts one after the other.
func (c *compiler) block(t *Task, put func(*host, *script.Node)) {
	blocks := make(map[*host]*script.Node, len(c.hosts))
	for _, h := range c.hosts {
		blocks[h] = &script.Node{ID: t.ID, Name: templates.Value{V: t.Name}, Role: t.Role, Pos: t.Pos}
	}
	for _, inner := range t.Block {
		c.task(inner, func(h *host, n *script.Node) { blocks[h].Block = append(blocks[h].Block, n) })
	}
	for _, name := range t.sets() {
		c.runtime[name] = true
	}
	for _, inner := range t.Rescue {
		c.task(inner, func(h *host, n *script.Node) { blocks[h].Rescue = append(blocks[h].Rescue, n) })
	}
	for _, inner := range t.Always {
		c.task(inner, func(h *host, n *script.Node) { blocks[h].Always = append(blocks[h].Always, n) })
	}
	for _, h := range c.hosts {
		put(h, blocks[h])
	}
}

// node compiles a task for one host.
func (c *compiler) node(h *host, t *Task) (*script.Node, []Wanted) {
	b := &binding{compiler: c, host: h, task: t, scope: h.scope(t)}
	n := &script.Node{ID: t.ID, Role: t.Role, Pos: t.Pos, Kind: t.Kind, Register: t.register, Retries: t.retries, Delay: t.delay,
		Timeout: t.timeout, IgnoreErrors: t.ignoreErrors, NoLog: t.noLog, CheckMode: t.checking, RunOnce: t.runOnce, Fleeting: t.fleeting, Repair: t.repair}
	if t.register != "" || t.kind != nil && t.kind.Open {
		n.Export = t.exported || t.runOnce || t.delegate != nil || slices.ContainsFunc(t.sets(), func(name string) bool { return c.exports[name] })
	}
	if c.readers[t] {
		n.Imports = []string{"*"}
	}
	if t.delegate != nil {
		n.Imports = append(n.Imports, h.name)
	}
	n.Name.V = b.lenient(t.name, t.Name)
	b.keywords(n)
	if t.loop != nil {
		b.loopVars = t.loop.names()
	}
	skip := b.decided(n)
	b.loopVars = nil
	if skip {
		return b.finish(n), nil
	}
	if t.loop != nil {
		b.loop(n)
	} else {
		n.Args.V, n.Fills = b.arguments("")
	}
	return b.finish(n), b.wanted
}

// decided evaluates the conditions that are known now; the others go to the host. It
// reports whether one does not hold, so that the task is skipped whatever the host says.
func (b *binding) decided(n *script.Node) bool {
	for _, c := range b.task.when {
		if b.runtimeRefs(c.Refs()) {
			b.toHost(n, c)
			continue
		}
		holds, err := c.Holds(b.scope)
		switch {
		case err != nil && len(n.When) > 0: // a condition before it may say that this one is not asked
			b.toHost(n, c)
		case err != nil:
			b.failed(err, c.Origin.Pos)
			return true
		case !holds:
			n.Skip = "when: " + c.Source
			return true
		}
	}
	return false
}

func (b *binding) toHost(n *script.Node, c *templates.Condition) {
	b.checkRefs(c.Required())
	b.need(c.Refs(), c.Words())
	n.When = append(n.When, c)
}

// decode makes a task of arguments, as far as they are known, and reports mistakes.
func (b *binding) decode(args any) (tasks.Task, bool) {
	known, whole := withUnknown(args)
	task, complete, err := b.task.kind.Decode(known)
	if err != nil {
		b.argumentErrors(err)
		return nil, false
	}
	return task, complete && whole
}

// withUnknown puts tasks.Unknown in the place of templates.
func withUnknown(tree any) (any, bool) {
	switch x := tree.(type) {
	case *templates.Template, templates.Unknown:
		return tasks.Unknown{}, false
	case []any:
		return unknownList(x)
	case map[string]any:
		return unknownMap(x)
	}
	return tree, true
}

func unknownList(list []any) (any, bool) {
	out, whole := make([]any, len(list)), true
	for i, e := range list {
		v, ok := withUnknown(e)
		out[i], whole = v, whole && ok
	}
	return out, whole
}

func unknownMap(m map[string]any) (any, bool) {
	out, whole := make(map[string]any, len(m)), true
	for k, e := range m {
		v, ok := withUnknown(e)
		out[k], whole = v, whole && ok
	}
	return out, whole
}
