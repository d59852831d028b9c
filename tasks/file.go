package tasks

import (
	"errors"
	"strings"

	"netrun/tasks/state"
)

// File is a file, directory or symbolic link: that it is there, and whose it is.
type File struct {
	Path  FilePath `arg:"path,required" doc:"path on the host"`
	State string   `arg:"state" default:"file" choices:"file,directory,link,touch,absent" doc:"file is one that must be there; touch makes an empty one if need be; absent removes a file, link or empty directory"`
	Src   string   `arg:"src" doc:"what a link points to"`
	Mode  FileMode `arg:"mode" doc:"permissions, in quotes: '0755'"`
	Owner string   `arg:"owner" doc:"user that owns it"`
	Group string   `arg:"group" doc:"group that owns it"`
}

func init() {
	Register(Kind{Name: "file", Short: "a directory, link or file and whose it is", Free: "path", New: func() Task { return new(File) }})
}

// Check implements Task.
func (f *File) Check() error {
	errs := []error{checkAccount("owner", f.Owner), checkAccount("group", f.Group), checkLine("src", f.Src)}
	if f.Path == "/" && f.State == absent {
		errs = append(errs, Wrong("path", "/ stays"))
	}
	if (f.State == "link") != (f.Src != "") {
		errs = append(errs, Wrong("src", "src is what a link points to: state: link and src go together"))
	}
	if f.State == "link" && f.Mode != "" {
		errs = append(errs, Wrong("mode", "a link has no permissions of its own"))
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (f *File) Want() []state.Want {
	path := strings.TrimSuffix(string(f.Path), "/")
	if path == "" {
		path = "/"
	}
	want := state.File{Path: path, Type: "file", Mode: string(f.Mode), Owner: f.Owner, Group: f.Group}
	switch f.State {
	case "directory", "link":
		want.Type, want.Target = f.State, f.Src
	case absent:
		return state.Absent(want)
	default:
		keep := func(old []byte) ([]byte, error) { return old, nil }
		return state.Present(state.Edit{File: want, Create: f.State == "touch", Change: keep})
	}
	return state.Present(want)
}
