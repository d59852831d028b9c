package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"netrun/tasks/state"
)

// lines shows events as text, each line once and for good.
type lines struct {
	*Config
	out     io.Writer
	hosts   *tracker
	queue   *queue
	waiting bool // say what is being waited for
	header  int  // the task whose header was printed last
	headed  map[int]bool
	last    time.Time // when a line was printed last
}

func newLines(c *Config, hosts *tracker) *lines {
	return &lines{Config: c, out: c.Out, hosts: hosts, queue: newQueue(hosts), waiting: true, headed: map[int]bool{}}
}

// waitEvery is how often the lines say what is being waited for.
const waitEvery = 5 * time.Second

// event implements renderer. What is no result is shown at once, unless something
// that its host said before is still held.
func (l *lines) event(e Event) {
	switch {
	case e.Event == EventPhase || e.Event == EventEnded && e.Error == nil:
	case e.Event == EventResult || l.queue.holds(e.Host):
		l.queue.add(e)
	default:
		l.other(e)
	}
	l.flush(l.queue.overdue(e.Time))
}

func (l *lines) other(e Event) {
	if e.Host == "" {
		l.flush(true)
	}
	if e.Event == EventPlay {
		l.header, l.headed = 0, map[int]bool{}
		l.queue = newQueue(l.hosts)
	}
	l.print(e.Time, l.text(e))
}

// print writes text, whose last newline is left out, if there is any.
func (l *lines) print(now time.Time, text string) {
	if text == "" {
		return
	}
	l.last = now
	fmt.Fprintln(l.out, text)
}

// tick implements renderer.
func (l *lines) tick(now time.Time) {
	l.flush(l.queue.overdue(now))
	if l.last.IsZero() {
		l.last = now
	}
	if waiting := l.hosts.waiting(); l.waiting && len(waiting) > 0 && now.Sub(l.last) >= waitEvery {
		l.print(now, l.waitText(waiting, now))
	}
}

// waitNames bounds how many hosts one line names.
const waitNames = 5

func (l *lines) waitText(waiting []*busy, now time.Time) string {
	var parts []string
	for _, b := range waiting[:min(len(waiting), waitNames)] {
		parts = append(parts, fmt.Sprintf("%s (%s, %s)", b.name, b.what(), ago(now.Sub(b.since))))
	}
	if more := len(waiting) - waitNames; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return "waiting for: " + strings.Join(parts, ", ")
}

// close implements renderer.
func (l *lines) close() { l.flush(true) }

// flush prints the groups of results that are complete; all prints every one.
func (l *lines) flush(all bool) {
	for {
		group := l.queue.next(all)
		if group == nil {
			return
		}
		first := group[0]
		if first.Task.ID != l.header {
			l.print(l.Now(), l.headline(first.Task))
		}
		for _, e := range group {
			if e.Task == nil {
				l.print(l.Now(), l.text(e))
				continue
			}
			l.print(l.Now(), l.result(e))
		}
	}
}

func (l *lines) headline(t *Task) string {
	what, name := "TASK", clean(t.Name)
	if t.Handler {
		what = "RUNNING HANDLER"
	}
	if t.Role != "" {
		name = clean(t.Role) + " : " + name
	}
	more := ""
	if l.headed[t.ID] {
		more = " (continued)"
	}
	l.header, l.headed[t.ID] = t.ID, true
	return "\n" + l.paint(bold, fmt.Sprintf("%s [%s]%s ***", what, name, more))
}

// colours and words of how a task ends.
var statusColour = map[string]string{
	"ok": green, "changed": yellow, "failed": red, "skipped": cyan, "ignored": cyan, "rescued": purple, "unreachable": red,
}

// result is a result's line, and the lines of its changes below it.
func (l *lines) result(e Event) string {
	status := string(e.Status)
	line := fmt.Sprintf("%s: [%s]", status, clean(e.Host))
	if e.On != "" {
		line = fmt.Sprintf("%s: [%s -> %s]", status, clean(e.Host), clean(e.On))
	}
	if e.Item != "" {
		line += fmt.Sprintf(" (item=%s)", clean(e.Item))
	}
	if e.Undone {
		line += " | undone"
	}
	line = l.paint(statusColour[status], line)
	if e.Msg != "" {
		line += ": " + indented(e.Msg, "    ")
	}
	if e.Path != "" {
		line += " -> " + clean(e.Path)
	}
	if e.Attempts > 1 {
		line += fmt.Sprintf(" (%d attempts)", e.Attempts)
	}
	if l.Verbose > 0 && e.ElapsedMS > 0 {
		line += fmt.Sprintf(" (%d ms)", e.ElapsedMS)
	}
	return line + l.changes(e.Changes) + l.register(e.Register)
}

// opSigns are how a change begins, as in a diff.
var opSigns = map[state.Op]string{state.Create: "+", state.Update: "~", state.Delete: "-"}

var opColours = map[state.Op]string{state.Create: green, state.Update: yellow, state.Delete: red}

func lineColour(line string) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return green
	case strings.HasPrefix(line, "-"):
		return red
	}
	return ""
}

func (l *lines) changes(changes []Change) string {
	var b strings.Builder
	for _, c := range changes {
		for _, command := range c.Commands {
			b.WriteString("\n    " + indented(command, "    "))
		}
		if l.Diff {
			b.WriteString("\n  " + l.paint(opColours[c.Op], opSigns[c.Op]+" "+clean(c.Text)))
			for _, line := range c.Lines {
				b.WriteString("\n      " + l.paint(lineColour(line), clean(strings.ReplaceAll(line, "\t", "    "))))
			}
		}
	}
	return b.String()
}
