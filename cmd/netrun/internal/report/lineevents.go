package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// text is an event that is no result, as lines.
func (l *lines) text(e Event) string {
	host := "[" + clean(e.Host) + "]"
	switch e.Event {
	case EventPlay:
		return l.play(e)
	case EventUnreachable:
		return l.paint(red, "unreachable: "+host) + ": " + indented(e.Msg, "    ")
	case EventFound:
		return l.found(host, e.Found)
	case EventNote:
		return l.note(e)
	case EventConfirm:
		why := "every change is to be confirmed"
		if e.Msg != "" {
			why = "SSH hangs on this: " + clean(e.Msg)
		}
		return l.paint(purple, "confirm: "+host) + fmt.Sprintf(": %s\n    to be confirmed over a fresh connection within %s, or %s undoes it by itself",
			why, ago(time.Duration(e.DeadlineMS)*time.Millisecond), clean(e.Host))
	case EventSettled:
		return l.settled(host, e)
	case EventEnded:
		return l.ended(host, e)
	case EventUndone:
		return l.undone(host, e)
	case EventWarning:
		return l.warning(e)
	case EventRecap:
		return l.recap(e.failures, e.Stats)
	}
	return ""
}

func (l *lines) play(e Event) string {
	name := clean(e.Play)
	if e.Check {
		name += " (check)"
	}
	return "\n" + l.paint(bold, fmt.Sprintf("PLAY [%s] ***", name))
}

func (l *lines) note(e Event) string {
	if e.Host == "" {
		return indented(e.Msg, "    ")
	}
	return "note: [" + clean(e.Host) + "]: " + indented(e.Msg, "    ")
}

func (l *lines) found(host string, found []string) string {
	var out []string
	for _, f := range found {
		out = append(out, l.paint(purple, "found: "+host+": "+indented(f, "    ")))
	}
	return strings.Join(out, "\n")
}

func (l *lines) settled(host string, e Event) string {
	if *e.Confirmed {
		return l.paint(green, "confirmed: "+host) + ": reachable over a fresh connection"
	}
	return l.paint(red, "not confirmed: "+host) + ": not reachable over a fresh connection; the host undoes the play by itself"
}

// ended says what no result has said yet: that the host failed as a whole, and
// what became of what the play had done there.
func (l *lines) ended(host string, e Event) string {
	if e.Error == nil {
		return ""
	}
	var out []string
	if !e.explained {
		out = append(out, l.paint(red, "failed: "+host)+": "+indented(e.Error.Msg, "    "))
	}
	if e.Undone {
		out = append(out, l.paint(purple, "undone: "+host)+": what this play had changed there is put back")
	}
	for _, act := range e.UndoneActs {
		out = append(out, l.paint(purple, "undone: "+host)+": "+clean(act))
	}
	if len(e.Acts) > 0 {
		out = append(out, l.paint(purple, "not undone: "+host)+": "+clean(strings.Join(e.Acts, ", ")))
	}
	return strings.Join(out, "\n")
}

func (l *lines) undone(host string, e Event) string {
	var out []string
	word := "undone: "
	if e.Check {
		word = "would be undone: "
	}
	for _, p := range e.Plays {
		out = append(out, l.paint(purple, word+host)+fmt.Sprintf(": play %q", clean(p)))
	}
	for _, c := range e.Lines {
		out = append(out, "  "+clean(c))
	}
	for _, left := range e.Left {
		out = append(out, l.paint(yellow, "left: "+host)+": "+clean(left))
	}
	if len(e.Acts) > 0 {
		out = append(out, l.paint(yellow, "not undone: "+host)+": "+clean(strings.Join(e.Acts, ", ")))
	}
	if e.Error != nil {
		out = append(out, l.paint(red, "failed: "+host)+": "+indented(e.Error.Msg, "    "))
	}
	if len(out) == 0 {
		out = append(out, "ok: "+host+": nothing to undo")
	}
	return strings.Join(out, "\n")
}

func (l *lines) warning(e Event) string {
	at := ""
	if e.Pos != nil {
		at = e.Pos.String() + ": "
	}
	return l.paint(purple, "warning: ") + at + indented(e.Msg, "    ")
}

// register is what a task registered, with -v.
func (l *lines) register(v any) string {
	if v == nil || l.Verbose == 0 {
		return ""
	}
	raw, err := json.MarshalIndent(v, "    ", "  ")
	if err != nil {
		return "\n    (" + err.Error() + ")"
	}
	return "\n    " + strings.Join(cleanLines(string(raw)), "\n")
}
