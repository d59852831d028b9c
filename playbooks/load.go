package playbooks

import (
	"os"
	"path/filepath"
	"strings"

	"netrun/inventory"
	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
	"netrun/playbooks/deployment"
	"netrun/templates"
)

// The bounds of a playbook, includes unfolded.
const (
	maxTasks   = 100_000
	maxNesting = 50 // includes, imports and roles in each other
)

// Options are what Load needs beside the file. The zero value will do.
type Options struct {
	// Extra are the variables of the command line (see ExtraVars); they win over all others.
	Extra map[string]any
	// Sources remembers the texts read, to show mistakes in; may be nil.
	Sources *diag.Sources
	// ReadFile reads a file; nil is os.ReadFile.
	ReadFile func(path string) ([]byte, error)
	// Inventory is what deployments are placed over; nil takes their hosts as they are written.
	Inventory *inventory.Inventory
}

// Playbook is a loaded playbook with all that it leads to.
type Playbook struct {
	File  string
	Dir   string
	Plays []*Play
	// Warnings are about what is legal and probably not meant.
	Warnings []*diag.Error
	// Deployments are those of its deploy tasks.
	Deployments []*Deployed

	extra map[string]any
	files *files
}

// Load reads a playbook. The error joins every mistake found, as *diag.Error.
func Load(file string, o Options) (*Playbook, error) {
	l := newLoader(file, o)
	l.book.Plays = l.playbook(file, diag.Pos{File: file}, 0)
	l.numberPlays()
	l.leftBehind()
	l.finish()
	if err := l.errs.Err(); err != nil {
		return nil, err
	}
	return l.book, nil
}

// loader is one call of Load.
type loader struct {
	*files
	errs  diag.List
	book  *Playbook
	extra map[string]any
	tasks int // made so far; the last one's number
	roles map[string]*roleFiles

	inventory *inventory.Inventory
	plans     map[string]*deployment.Plan          // of deployments
	covered   map[*deployment.Plan]map[string]bool // hosts of the plays that make them
}

func newLoader(file string, o Options) *loader {
	if o.ReadFile == nil {
		o.ReadFile = os.ReadFile
	}
	f := &files{read: o.ReadFile, sources: o.Sources, texts: map[string][]byte{}, lines: map[string][]string{},
		parsed: map[string]*yamlpos.Node{}, templates: map[string]*templates.Template{}}
	l := &loader{files: f, extra: o.Extra, roles: map[string]*roleFiles{}, inventory: o.Inventory, plans: map[string]*deployment.Plan{}, covered: map[*deployment.Plan]map[string]bool{}}
	l.book = &Playbook{File: file, Dir: filepath.Dir(file), extra: o.Extra, files: f}
	return l
}

// wrong reports a mistake, with what would be right.
func (l *loader) wrong(at *yamlpos.Node, hint, format string, a ...any) {
	e := diag.Errorf(at.Pos, format, a...)
	e.Hint = hint
	l.errs.Add(e)
}

// playbook reads the plays of a file.
func (l *loader) playbook(file string, from diag.Pos, depth int) []*Play {
	root, err := l.yaml(file)
	if err != nil {
		l.errs.Add(place(err, from))
		return nil
	}
	if depth > maxNesting {
		l.errs.Add(diag.Errorf(from, "playbooks import each other, or more than %d deep", maxNesting))
		return nil
	}
	if root.Kind != yamlpos.Sequence {
		l.wrong(root, "begin each play with a dash: - hosts: all", "a playbook is a list of plays, and this is %s", root.What())
		return nil
	}
	if len(root.Items) == 0 {
		l.wrong(root, "", "a playbook without plays")
	}
	var plays []*Play
	for _, item := range root.Items {
		if path := importedPlaybook(item); path != nil {
			plays = append(plays, l.imported(file, item, path, depth)...)
			continue
		}
		if p := l.play(file, item); p != nil {
			plays = append(plays, p)
		}
	}
	return plays
}

func importedPlaybook(item *yamlpos.Node) *yamlpos.Node {
	if path := item.Get("import_playbook"); path != nil {
		return path
	}
	return item.Get("ansible.builtin.import_playbook")
}

// imported reads the plays of another playbook; tags, when and vars go to all of them.
func (l *loader) imported(file string, item, path *yamlpos.Node, depth int) []*Play {
	common := inherited{}
	l.mapping(item, "import_playbook", table{
		"import_playbook":                 nil,
		"ansible.builtin.import_playbook": nil,
		"name":                            nil,
		"vars":                            func(n *yamlpos.Node) { common.fixed = append(common.fixed, l.variables(n)) },
		"tags":                            func(n *yamlpos.Node) { common.tags = l.tags(n) },
		"when":                            func(n *yamlpos.Node) { common.when = l.conditions(n, "when") },
	})
	name, ok := l.earlyText(path, l.extra)
	if !ok {
		return nil
	}
	plays := l.playbook(join(filepath.Dir(file), name), path.Pos, depth+1)
	for _, p := range plays {
		p.inherit(common)
	}
	return plays
}

// finish does what needs the whole: the warnings' order and names across plays.
func (l *loader) finish() {
	var before []string
	for i, p := range l.book.Plays {
		p.book, p.later = l.book, l.book.Plays[i+1:]
		// A task that must not fail anywhere makes the whole play stand or fall together.
		for _, t := range p.Tasks {
			t.walk(func(t *Task) { p.AnyErrorsFatal = p.AnyErrorsFatal || isTrue(t.anyErrorsFatal) })
		}
		p.before = append([]string{}, before...)
		before = append(before, p.registers()...)
	}
}

// place gives an error of reading the place that led to the file.
func place(err error, pos diag.Pos) error {
	missing, ok := err.(*os.PathError)
	switch {
	case !ok:
		return err
	case missing.Path == pos.File && pos.Line == 0: // the place says it already
		return diag.Errorf(pos, "%v", missing.Err)
	}
	return diag.Errorf(pos, "%s", strings.TrimPrefix(err.Error(), "open "))
}

func join(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
