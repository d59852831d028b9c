package state

import (
	"path"
	"strconv"
	"strings"
)

// JSONKey is a member of the object that a JSON file of the host holds: the bridge of
// Docker's daemon.json. The file's other members are not its business.
type JSONKey struct {
	Path  string `json:"path" state:"key"`
	Name  string `json:"name" state:"key"` // without #
	Value string `json:"value"`            // canonical JSON, see jsontext.Canonical
	// Raw and Behind are how and where an observed member is written, so that an undo
	// writes the same bytes to the same place.
	Raw    string   `json:"raw,omitempty" state:"hint"`
	Behind []string `json:"behind,omitempty" state:"hint"`
}

// Key implements Object.
func (j JSONKey) Key() Key { return Key{Kind: KindJSON, Name: j.Path + "#" + j.Name} }

// Needs implements Object: a missing file is made, a missing directory is not.
func (j JSONKey) Needs() []Key { return []Key{{Kind: KindFile, Name: path.Dir(j.Path)}} }

// Yields implements Yielder: with a value, only that value is meant to go.
func (j JSONKey) Yields(have Object) bool {
	return j.Value == "" || j.Value == have.(JSONKey).Value
}

// JSONKeyParts are path and name of the key of a JSONKey.
func JSONKeyParts(name string) (file, member string, ok bool) {
	i := strings.LastIndexByte(name, '#')
	if i < 0 {
		return "", "", false
	}
	return name[:i], name[i+1:], true
}

// jsonKey is an edit with jq, which a person would use, though it changes the spacing.
func (e *explainer) jsonKey(c Change, j JSONKey) {
	member := ".[" + strconv.Quote(j.Name) + "]"
	filter := member + " = " + j.Value
	if c.Op == Delete {
		filter = "del(" + member + ")"
	}
	e.lines = append(e.lines, "jq "+shellQuote(filter)+" "+shellQuote(j.Path)+" | sponge "+shellQuote(j.Path))
}

// Folder is a want: a directory, made only where nothing is at its path.
type Folder struct {
	Path string `json:"path" state:"key"`
}

// Key implements Object.
func (f Folder) Key() Key { return Key{Kind: KindFile, Name: f.Path} }

// Needs implements Object.
func (f Folder) Needs() []Key { return nil }

// Reads implements Late.
func (f Folder) Reads() []Key { return []Key{f.Key()} }

// Resolve implements Late.
func (f Folder) Resolve(view View) (Object, error) {
	if _, there := view.Get(f.Key()); there {
		return nil, nil
	}
	return File{Path: f.Path, Type: "directory"}, nil
}
