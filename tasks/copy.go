package tasks

import (
	"errors"

	"netrun/tasks/state"
)

// Copy is a file on the host with a content from the controller.
type Copy struct {
	Dest    FilePath `arg:"dest,required" doc:"path on the host; with a slash at the end, the directory that gets the file of src"`
	Content *string  `arg:"content" doc:"the content itself"`
	Src     string   `arg:"src" doc:"file on the controller, relative to the role's files folder or to the playbook"`
	Mode    FileMode `arg:"mode" doc:"permissions, in quotes: '0644'; unset, those of the file that is there, or 0644"`
	Owner   string   `arg:"owner" doc:"user that owns it"`
	Group   string   `arg:"group" doc:"group that owns it"`
	Secret  bool     `arg:"secret" doc:"keep the content out of diffs and logs"`
	State   string   `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the file"`

	filled  bool
	content []byte
}

func init() {
	Register(Kind{Name: "copy", Short: "a file with a content from the controller", New: func() Task { return new(Copy) }})
}

// Sources implements Sourcer.
func (c *Copy) Sources() []Source {
	if c.Src == "" || c.State == absent {
		return nil
	}
	return []Source{{Path: c.Src, Arg: "src", Secret: c.Secret}}
}

// Fill implements Sourcer.
func (c *Copy) Fill(_ int, content []byte) { c.content, c.filled = content, true }

// Check implements Task.
func (c *Copy) Check() error {
	_, err := target(c.Dest, c.Src)
	errs := []error{err, checkLine("src", c.Src), checkAccount("owner", c.Owner), checkAccount("group", c.Group)}
	switch {
	case c.State == absent:
	case c.Content != nil && c.Src != "":
		errs = append(errs, Wrong("content", "give either content or src"))
	case c.Content == nil && c.Src == "":
		errs = append(errs, Wrong("content", "which content? give content or src"))
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (c *Copy) Want() []state.Want {
	path, err := target(c.Dest, c.Src)
	if err != nil {
		return nil // Check refuses it
	}
	f := state.File{Path: path, Type: "file", Mode: string(c.Mode), Owner: c.Owner, Group: c.Group, Secret: c.Secret}
	switch {
	case c.filled:
		f = f.WithContent(c.content)
	case c.Content != nil:
		f = f.WithContent([]byte(*c.Content))
	}
	return wants(c.State, f)
}
