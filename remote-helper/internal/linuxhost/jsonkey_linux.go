package linuxhost

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"netrun/tasks/jsontext"
	"netrun/tasks/state"
)

// readJSONKeys reads the members of JSON files that are asked for by path and name,
// each file once.
func (s *session) readJSONKeys(q *query) ([]state.Object, error) {
	var out []state.Object
	files := map[string][]jsontext.Member{}
	for _, key := range q.names {
		path, name, ok := state.JSONKeyParts(key)
		if !ok {
			return nil, fmt.Errorf("key %q: want PATH#NAME", key)
		}
		members, known := files[path]
		if !known {
			var err error
			if members, err = readJSON(path); err != nil {
				return nil, err
			}
			files[path] = members
		}
		for _, m := range members {
			if m.Name == name {
				out = append(out, state.JSONKey{Path: path, Name: name, Value: m.Value, Raw: m.Raw, Behind: m.Behind})
			}
		}
	}
	return out, nil
}

func readJSON(path string) ([]jsontext.Member, error) {
	f, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if f.Type != "file" {
		return nil, fmt.Errorf("read %s: it is a %s, not a file", path, f.Type)
	}
	members, err := jsontext.Members(f.Content)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return members, nil
}

// applyJSONKey writes the file anew with one member changed. It is read again for
// that: what others have written since the plan stays.
func (s *session) applyJSONKey(c state.Change, j state.JSONKey) error {
	f, err := readFile(j.Path)
	isNew := errors.Is(err, fs.ErrNotExist)
	switch {
	case isNew:
		f = state.File{Path: j.Path, Type: "file", Content: []byte(jsontext.New)}
	case err != nil:
		return err
	case f.Type != "file":
		return fmt.Errorf("%s is a %s, not a file", j.Path, f.Type)
	}
	content, err := jsontext.Apply(f.Content, c)
	switch {
	case err != nil:
		return err
	case content == nil && isNew:
		return nil
	case content == nil:
		return deleteFile(f)
	}
	return s.writeFile(f.WithContent(content), isNew)
}
