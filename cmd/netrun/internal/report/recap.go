package report

import (
	"fmt"
	"strings"
)

// recap is what failed and why, and a line of counts for each host.
func (l *lines) recap(failures []failure, stats map[string]Stats) string {
	var out []string
	if len(failures) > 0 {
		out = append(out, "\n"+l.paint(bold, "FAILED ***"))
	}
	for _, f := range failures {
		out = append(out, l.failure(f))
	}
	out = append(out, "\n"+l.paint(bold, "PLAY RECAP ***"))
	width := 0
	for h := range stats {
		width = max(width, len(clean(h)))
	}
	for _, h := range names(stats) {
		out = append(out, l.recapLine(h, width, stats[h]))
	}
	return strings.Join(out, "\n")
}

func (l *lines) recapLine(host string, width int, s Stats) string {
	counts := []struct {
		name   string
		n      int
		colour string
	}{
		{"ok", s.OK, green}, {"changed", s.Changed, yellow}, {"unreachable", s.Unreachable, red}, {"failed", s.Failed, red},
		{"skipped", s.Skipped, cyan}, {"rescued", s.Rescued, purple}, {"ignored", s.Ignored, cyan},
	}
	line := fmt.Sprintf("%-*s :", width, clean(host))
	for _, c := range counts {
		text := fmt.Sprintf("%s=%d", c.name, c.n)
		if c.n > 0 {
			text = l.paint(c.colour, text)
		}
		line += " " + text
	}
	if s.Undone {
		line += " " + l.paint(purple, "undone")
	}
	return line
}

func (l *lines) failure(f failure) string {
	out := []string{l.paint(red, clean(f.host)) + ": " + indented(f.msg, "    ")}
	if f.task != nil {
		out = append(out, "    "+taskLine(f))
	}
	switch {
	case f.undone:
		out = append(out, "    undone: what the play had changed on this host")
	case f.kind == "undo" && f.actsOnly:
		out = append(out, "    the host is not as it was: what an act did there is to be put back by hand")
	case f.kind == "undo":
		out = append(out, "    the host is not as it was: see above; the next play tries again to undo it")
	}
	for _, act := range f.back {
		out = append(out, "    undone: "+clean(act))
	}
	if len(f.acts) > 0 {
		out = append(out, "    not undone: "+clean(strings.Join(f.acts, ", ")))
	}
	return strings.Join(out, "\n")
}

func taskLine(f failure) string {
	text := fmt.Sprintf("task %q", clean(f.task.Name))
	if f.item != "" {
		text += fmt.Sprintf(" (item=%s)", clean(f.item))
	}
	if f.task.Pos != nil {
		text += " at " + f.task.Pos.String()
	}
	return text
}
