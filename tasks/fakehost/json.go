package fakehost

import (
	"fmt"

	"netrun/tasks/jsontext"
	"netrun/tasks/state"
)

// jsonKey reads the member of a JSON file that the key names.
func (h *Host) jsonKey(k state.Key) (state.Object, bool) {
	path, name, _ := state.JSONKeyParts(k.Name)
	f, there := h.objects.Get(state.File{Path: path}.Key())
	if !there {
		return nil, false
	}
	members, err := jsontext.Members(f.(state.File).Content)
	if err != nil {
		return nil, false
	}
	for _, m := range members {
		if m.Name == name {
			return state.JSONKey{Path: path, Name: name, Value: m.Value, Raw: m.Raw, Behind: m.Behind}, true
		}
	}
	return nil, false
}

// writeJSON changes one member of the file, which comes with its first and goes with its last.
func (h *Host) writeJSON(c state.Change, j state.JSONKey) error {
	key := state.File{Path: j.Path}.Key()
	f := state.File{Path: j.Path, Type: "file", Content: []byte(jsontext.New)}
	if have, there := h.objects.Get(key); there {
		f = have.(state.File)
	} else if c.Op == state.Delete {
		return fmt.Errorf("%s: %w", key, ErrNotFound)
	}
	content, err := jsontext.Apply(f.Content, c)
	switch {
	case err != nil:
		return err
	case content == nil:
		h.objects.Delete(key)
		return nil
	}
	if err := h.checkFile(f); err != nil {
		return err
	}
	h.objects.Put(h.keepContent(defaultFile(f.WithContent(content))))
	return nil
}
