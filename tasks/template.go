package tasks

import (
	"errors"
	"strings"

	"netrun/tasks/state"
)

// Template is a file on the host, rendered from a template of the controller.
type Template struct {
	Src    string   `arg:"src,required" doc:"template on the controller, relative to the role's templates folder or to the playbook"`
	Dest   FilePath `arg:"dest,required" doc:"path on the host; with a slash at the end, the directory that gets the file"`
	Mode   FileMode `arg:"mode" doc:"permissions, in quotes: '0644'; unset, those of the file that is there, or 0644"`
	Owner  string   `arg:"owner" doc:"user that owns it"`
	Group  string   `arg:"group" doc:"group that owns it"`
	Secret bool     `arg:"secret" doc:"keep the content out of diffs and logs"`

	content []byte
}

func init() {
	Register(Kind{Name: "template", Short: "a file rendered from a template", New: func() Task { return new(Template) }})
}

// Sources implements Sourcer.
func (t *Template) Sources() []Source {
	return []Source{{Path: t.Src, Arg: "src", Template: true, Secret: t.Secret}}
}

// Fill implements Sourcer: content is the rendered text.
func (t *Template) Fill(_ int, content []byte) { t.content = content }

// base is the file's name where dest is a directory: that of the template without its ending.
func (t *Template) base() string {
	for _, ending := range []string{".tmpl", ".j2"} {
		if name, ok := strings.CutSuffix(t.Src, ending); ok {
			return name
		}
	}
	return t.Src
}

// Check implements Task.
func (t *Template) Check() error {
	_, err := target(t.Dest, t.base())
	return errors.Join(err, checkLine("src", t.Src), checkAccount("owner", t.Owner), checkAccount("group", t.Group))
}

// Want implements Wanter.
func (t *Template) Want() []state.Want {
	path, err := target(t.Dest, t.base())
	if err != nil {
		return nil // Check refuses it
	}
	f := state.File{Path: path, Type: "file", Mode: string(t.Mode), Owner: t.Owner, Group: t.Group, Secret: t.Secret}
	return state.Present(f.WithContent(t.content))
}
