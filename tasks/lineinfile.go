package tasks

import (
	"errors"
	"regexp"
	"strings"

	"netrun/tasks/state"
)

// LineInFile is one line of a file: there or not.
type LineInFile struct {
	Path         FilePath `arg:"path,required" doc:"file on the host"`
	Line         *string  `arg:"line" doc:"the line; needed unless state is absent and regexp is given"`
	Regexp       string   `arg:"regexp" doc:"regular expression (RE2, as in Go): the last line that it matches becomes line; with absent, all that it matches go"`
	State        string   `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the lines that regexp matches, or that are line"`
	InsertAfter  string   `arg:"insertafter" doc:"where nothing matches regexp: after the last line that this matches, or EOF, which is the default"`
	InsertBefore string   `arg:"insertbefore" doc:"the same, before that line, or BOF, which is the beginning"`
	FirstMatch   bool     `arg:"firstmatch" doc:"the first matching line counts, not the last"`
	Backrefs     bool     `arg:"backrefs" doc:"line may name groups of regexp as \\1 or \\g<name>; where nothing matches, nothing changes"`
	Create       bool     `arg:"create" doc:"make the file if it is not there"`
	Mode         FileMode `arg:"mode" doc:"permissions, in quotes: '0644'"`
	Owner        string   `arg:"owner" doc:"user that owns the file"`
	Group        string   `arg:"group" doc:"group that owns the file"`
	Secret       bool     `arg:"secret" doc:"keep the content out of diffs and logs"`
}

func init() {
	Register(Kind{Name: "lineinfile", Short: "a line of a file", New: func() Task { return new(LineInFile) }})
}

// Check implements Task.
func (l *LineInFile) Check() error {
	errs := []error{checkAccount("owner", l.Owner), checkAccount("group", l.Group)}
	for _, e := range []struct{ arg, text string }{{"regexp", l.Regexp}, {"insertafter", l.InsertAfter}, {"insertbefore", l.InsertBefore}} {
		if _, err := regexp.Compile(e.text); err != nil {
			errs = append(errs, Wrong(e.arg, "%v", err).WithHint("regular expressions are Go's: no lookahead, no backreference inside"))
		}
	}
	if strings.HasSuffix(string(l.Path), "/") {
		errs = append(errs, Wrong("path", "%s is a directory", l.Path))
	}
	if l.Line != nil && strings.ContainsAny(*l.Line, "\n\x00") {
		errs = append(errs, Wrong("line", "%s is more than one line", describe(cut(*l.Line, 60))))
	}
	switch {
	case l.State != absent && l.Line == nil:
		errs = append(errs, Wrong("line", "which line?"))
	case l.State == absent && l.Line == nil && l.Regexp == "":
		errs = append(errs, Wrong("regexp", "which lines? give line or regexp"))
	case l.Backrefs && l.Regexp == "":
		errs = append(errs, Wrong("backrefs", "groups of which regexp?"))
	case l.InsertAfter != "" && l.InsertBefore != "":
		errs = append(errs, Wrong("insertbefore", "give either insertafter or insertbefore"))
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (l *LineInFile) Want() []state.Want {
	return state.Present(state.Edit{
		Optional: l.State == absent,
		File:     state.File{Path: string(l.Path), Type: "file", Mode: string(l.Mode), Owner: l.Owner, Group: l.Group, Secret: l.Secret},
		Create:   l.Create, Change: l.edit,
	})
}
