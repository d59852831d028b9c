package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The colours, in the meanings that Ansible gives them.
const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	cyan   = "\x1b[36m"
	purple = "\x1b[35m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// paint puts colour on the text where colour is on.
func (c *Config) paint(colour, text string) string {
	if !c.Color || text == "" {
		return text
	}
	return colour + text + plain
}

// clean makes a text from a host or a file harmless to a terminal: it is one line
// without control characters.
func clean(s string) string {
	if strings.IndexFunc(s, unsafe) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unsafe(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unsafe(r rune) bool { return r == utf8.RuneError || (unicode.IsControl(r) || !unicode.IsPrint(r)) }

// cleanLines is clean for each of the text's lines; tabs become spaces.
func cleanLines(s string) []string {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(s, "\t", "    "), "\r\n"), "\n")
	for i, l := range lines {
		lines[i] = clean(strings.TrimSuffix(l, "\r"))
	}
	return lines
}

// indented is the text with further lines put under its first one.
func indented(s, indent string) string { return strings.Join(cleanLines(s), "\n"+indent) }

// fit cuts the text to a width in runes.
func fit(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	return string([]rune(s)[:width-1]) + "…"
}

// ago is a duration in whole seconds, or minutes and seconds.
func ago(d time.Duration) string {
	d = d.Truncate(time.Second)
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
