package deployment

import (
	"bytes"
	"errors"
	"strings"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
)

const environment = "Environment"

// hide remembers the lines that Environment stands in. All values there may be secrets,
// whatever their names, and a descriptor may be all one line.
func (r *reader) hide(n *yamlpos.Node, below bool) {
	if below {
		if r.private == nil {
			r.private = map[int]bool{}
		}
		r.private[n.Pos.Line] = true
	}
	for _, item := range n.Items {
		r.hide(item, below)
	}
	for i, key := range n.Keys {
		inside := below || strings.EqualFold(key.Raw, environment)
		if inside {
			r.hide(key, true)
		}
		r.hide(n.Values[i], inside)
	}
}

// at is the place of a node, private if variables stand in its line.
func (r *reader) at(n *yamlpos.Node) diag.Pos {
	pos := n.Pos
	pos.Private = r.private[pos.Line]
	return pos
}

// hidden makes the places of mistakes in the text itself private if it has variables: where
// they stand is not known of a text that cannot be read.
func hidden(err error, text []byte) error {
	if !bytes.Contains(bytes.ToLower(text), []byte(strings.ToLower(environment))) {
		return err
	}
	var list interface{ Unwrap() []error }
	var one *diag.Error
	if errors.As(err, &list) {
		for _, err := range list.Unwrap() {
			_ = hidden(err, text)
		}
	} else if errors.As(err, &one) {
		one.Pos.Private = true
		unnamed(one)
	}
	return err
}

// unnamed takes tags and aliases out of a message: a password that begins with "!" or "*" is
// one, if it has no quotes.
func unnamed(err *diag.Error) {
	if strings.HasPrefix(err.Msg, "unknown tag ") {
		err.Msg = "unknown tag"
		_ = err.WithHint(`put quotes around text that begins with "!"`)
	}
	if alias, ok := strings.CutPrefix(err.Msg, "alias *"); ok {
		_, what, _ := strings.Cut(alias, " ")
		err.Msg = "an alias " + what
		_ = err.WithHint(`put quotes around text that begins with "*"`)
	}
}
