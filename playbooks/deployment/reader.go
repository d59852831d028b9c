package deployment

import (
	"regexp"
	"slices"
	"strings"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
)

// maxWarnings is how many keys without a meaning are named: nobody reads more at once.
const maxWarnings = 100

// reader makes values of nodes and collects what is wrong with them.
type reader struct {
	errs     diag.List
	warnings []*diag.Error
	private  map[int]bool // lines that hold variables
}

// field is a key of an object, in the spelling of geard, with what reads its value.
type field struct {
	name string
	read func(*yamlpos.Node)
}

type fields []field

// find returns the index of a key, whatever its case, or -1.
func (f fields) find(key string) int {
	return slices.IndexFunc(f, func(f field) bool { return strings.EqualFold(f.name, key) })
}

func (f fields) names() []string {
	names := make([]string, len(f))
	for i := range f {
		names[i] = f[i].name
	}
	return names
}

func (r *reader) fail(n *yamlpos.Node, format string, a ...any) *diag.Error {
	err := diag.Errorf(r.at(n), format, a...)
	r.errs.Add(err)
	return err
}

// object reads the entries of a mapping and reports whether it is one. A null is an absent
// value, as in Go's JSON.
func (r *reader) object(n *yamlpos.Node, what string, known fields) bool {
	if n.Kind != yamlpos.Mapping {
		r.fail(n, "%s is a mapping, not %s", what, n.What())
		return false
	}
	seen := make([]bool, len(known))
	for i, key := range n.Keys {
		at := known.find(key.Raw)
		switch {
		case at < 0:
			r.unknown(key, what, known)
		case seen[at]:
			r.fail(key, "key %q a second time, in another spelling", key.Raw)
		case !n.Values[i].IsNull():
			known[at].read(n.Values[i])
		}
		if at >= 0 {
			seen[at] = true
		}
	}
	return true
}

// unknown warns of a key once, however many aliases bring it in.
func (r *reader) unknown(key *yamlpos.Node, what string, known fields) {
	if len(r.warnings) == maxWarnings {
		return
	}
	name, _, _ := strings.Cut(key.Raw, "=") // a whole variable is no name to show
	warning := diag.Errorf(r.at(key), "unknown key %q of %s: it is ignored", name, what)
	warning = warning.WithHint("%s", diag.DidYouMean(name, known.names()))
	for _, w := range r.warnings {
		if *w == *warning {
			return
		}
	}
	r.warnings = append(r.warnings, warning)
}

// wanted reports whether an object has a value for a key that it must have.
func (r *reader) wanted(object bool, n *yamlpos.Node, what, name string) bool {
	if !object {
		return false
	}
	for i, key := range n.Keys {
		if strings.EqualFold(key.Raw, name) && !n.Values[i].IsNull() && n.Values[i].Raw != "" {
			return true
		}
		// The value is of a wrong kind, which is reported already.
		if strings.EqualFold(key.Raw, name) && n.Values[i].Kind != yamlpos.Scalar {
			return false
		}
	}
	r.fail(n, "%s without %s", what, name)
	return false
}

func list[T any](r *reader, n *yamlpos.Node, what string, read func(*yamlpos.Node) T) []T {
	if n.Kind != yamlpos.Sequence {
		r.fail(n, "%s is a list, not %s", what, n.What())
		return nil
	}
	var out []T
	for _, item := range n.Items {
		out = append(out, read(item))
	}
	return out
}

func (r *reader) text(what string, to *string) func(*yamlpos.Node) {
	return func(n *yamlpos.Node) {
		s, ok := n.Value.(string)
		if !ok {
			err := r.fail(n, "%s is text, not %s", what, n.What())
			if n.Kind == yamlpos.Scalar {
				_ = err.WithHint("put quotes around it: %q", n.Raw)
			}
		}
		*to = s
	}
}

// secret reads text that no message shows.
func (r *reader) secret(what string, to *string) func(*yamlpos.Node) {
	return func(n *yamlpos.Node) {
		s, ok := n.Value.(string)
		if !ok {
			err := r.fail(n, "%s is text, not %s", what, n.What())
			if n.Kind == yamlpos.Scalar {
				_ = err.WithHint("put quotes around it")
			}
		}
		*to = s
	}
}

func (r *reader) flag(what string, to *bool) func(*yamlpos.Node) {
	return func(n *yamlpos.Node) {
		b, ok := n.Value.(bool)
		if !ok {
			r.fail(n, "%s is true or false, not %s", what, n.What())
		}
		*to = b
	}
}

// number reads a whole number of at least low and at most high.
func (r *reader) number(what string, to *int, low, high int) func(*yamlpos.Node) {
	return func(n *yamlpos.Node) {
		i, ok := n.Value.(int)
		switch {
		case !ok && !n.Quoted && beyond.MatchString(n.Raw):
			r.fail(n, "%s is too %s: it is between %d and %d", what, end(n.Raw), low, high)
		case !ok && n.What() == "a number":
			r.fail(n, "%s is a whole number, not %s", what, n.Raw)
		case !ok:
			r.fail(n, "%s is a whole number, not %s", what, n.What())
		case i < low || i > high:
			r.fail(n, "%s is between %d and %d, not %d", what, low, high, i)
		default:
			*to = i
		}
	}
}

// beyond is a whole number that has no int, as far as number asks.
var beyond = regexp.MustCompile(`\A[-+]?[0-9][0-9_]*\z`)

func end(number string) string {
	if number[0] == '-' {
		return "small"
	}
	return "large"
}
