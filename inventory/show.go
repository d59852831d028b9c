package inventory

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"

	"netrun/inventory/diag"
)

// maxGraph bounds a graph: groups that share children may have more ways through
// them than there are hosts.
const maxGraph = 1_000_000

// Graph writes the tree of groups and hosts as ansible-inventory --graph does.
// No variables are shown.
func (inv *Inventory) Graph(w io.Writer) error {
	g := grapher{w: bufio.NewWriter(w)}
	g.group(inv, inv.all, 0)
	if g.lines >= maxGraph {
		return fmt.Errorf("graph inventory: more than %d lines", maxGraph)
	}
	return g.w.Flush()
}

type grapher struct {
	w     *bufio.Writer
	lines int
}

// line writes one line; an error of the writer stays with it until Flush.
func (g *grapher) line(depth int, text string) {
	if g.lines++; g.lines >= maxGraph {
		return
	}
	prefix := ""
	if depth > 0 {
		prefix = strings.Repeat("  |", depth) + "--"
	}
	fmt.Fprintln(g.w, prefix+visible(text))
}

func (g *grapher) group(inv *Inventory, grp *Group, depth int) {
	g.line(depth, "@"+grp.name+":")
	for _, c := range grp.children {
		if g.lines < maxGraph {
			g.group(inv, c, depth+1)
		}
	}
	if grp == inv.all {
		return
	}
	for _, h := range grp.hosts {
		g.line(depth+1, h.name)
	}
}

// visible quotes a name that would act on a terminal.
func visible(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	return strconv.Quote(s)
}

// List returns the inventory as ansible-inventory --list prints it, ready for
// encoding/json: each group's hosts and children, and all hosts' variables under
// _meta.hostvars. Values of variables that name a secret are "********".
func (inv *Inventory) List() map[string]any {
	out := map[string]any{}
	for _, g := range inv.named {
		entry := map[string]any{}
		if g != inv.all && len(g.hosts) > 0 {
			entry["hosts"] = names(g.hosts)
		}
		if len(g.children) > 0 {
			entry["children"] = names(g.children)
		}
		if len(entry) > 0 {
			out[g.name] = entry
		}
	}
	vars := map[string]any{}
	for _, h := range inv.Hosts() {
		if m := h.Vars(); len(m) > 0 {
			vars[h.name] = Masked(m)
		}
	}
	out["_meta"] = map[string]any{"hostvars": vars}
	return out
}

func names[T interface{ Name() string }](items []T) []string {
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = it.Name()
	}
	return out
}

// Masked returns the values of variables with secrets masked, at any depth, and
// with the numbers that JSON lacks (infinities, NaN) as text.
func Masked(vars map[string]Var) map[string]any {
	out := make(map[string]any, len(vars))
	for name, v := range vars {
		out[name] = mask(name, v.Value)
	}
	return out
}

func mask(name string, v any) any {
	if v != nil && diag.Secret(name) {
		return "********"
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[k] = mask(k, item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = mask("", item)
		}
		return out
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	}
	return v
}
