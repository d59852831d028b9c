package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"netrun/inventory/yamlpos"
)

// varFiles reads group_vars and host_vars: beside the sources, in their order,
// then beside the playbook.
func (l *loader) varFiles() {
	beside := l.dirs
	for where, dirs := range [2][]string{beside, {l.opts.PlaybookDir}} {
		for _, dir := range dirs {
			if dir == "" {
				continue
			}
			l.varDir(filepath.Join(dir, "group_vars"), l.inv.ownerGroup, where)
			l.varDir(filepath.Join(dir, "host_vars"), l.inv.ownerHost, where)
		}
	}
}

// owner returns where the variables of a name's files go, or nil if the
// inventory has no such name.
type owner func(name string, where int) (vars *map[string]Var, what string)

func (inv *Inventory) ownerGroup(name string, where int) (*map[string]Var, string) {
	if g := inv.groups[name]; g != nil {
		return &g.files[where], fmt.Sprintf("group %q", name)
	}
	return nil, ""
}

func (inv *Inventory) ownerHost(name string, where int) (*map[string]Var, string) {
	if h := inv.hosts[name]; h != nil {
		return &h.files[where], fmt.Sprintf("host %q", name)
	}
	return nil, ""
}

// extensions in the order that is looked for; the first found is the one read.
var extensions = []string{"", ".yml", ".yaml", ".json"}

// varDir reads the files of one group_vars or host_vars directory.
func (l *loader) varDir(dir string, find owner, where int) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			l.errs.Add(fmt.Errorf("read variables: %w", err))
		}
		return
	}
	rank := map[string]int{} // of the extension chosen for a name
	for _, e := range entries {
		name := e.Name()
		for i, ext := range extensions {
			base, ok := strings.CutSuffix(name, ext)
			if vars, _ := find(base, where); !ok || vars == nil {
				continue
			}
			if r, found := rank[base]; !found || i < r {
				rank[base] = i
			}
		}
	}
	for _, base := range slices.Sorted(maps.Keys(rank)) {
		vars, what := find(base, where)
		l.varPath(filepath.Join(dir, base+extensions[rank[base]]), vars, what, 0)
	}
}

// varPath reads a file, or in a directory all that have a known extension or
// none, in alphabetical order.
func (l *loader) varPath(path string, vars *map[string]Var, what string, depth int) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		l.errs.Add(fmt.Errorf("read variables: %w", err))
		return
	case !info.IsDir():
		l.varFile(path, vars, what)
		return
	case depth > maxDirDepth:
		l.errs.Add(fmt.Errorf("read variables: %s: directories nested more than %d deep", path, maxDirDepth))
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		l.errs.Add(fmt.Errorf("read variables: %w", err))
		return
	}
	for _, e := range entries {
		n := e.Name()
		if !strings.HasPrefix(n, ".") && !strings.HasSuffix(n, "~") && slices.Contains(extensions, filepath.Ext(n)) {
			l.varPath(filepath.Join(path, n), vars, what, depth+1)
		}
	}
}

func (l *loader) varFile(path string, vars *map[string]Var, what string) {
	text, err := readFile(path)
	if err != nil {
		l.errs.Add(err)
		return
	}
	l.opts.Sources.Add(path, text)
	doc, err := yamlpos.Parse(path, text)
	if err != nil {
		l.errs.Add(err)
		return
	}
	if *vars == nil {
		*vars = map[string]Var{}
	}
	for name, v := range l.vars(doc, what) {
		v.From = what
		(*vars)[name] = v
	}
}
