package state

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of what TextDiff shows of a file: its size, and the lines shown.
const (
	maxDiffed    = 256 << 10
	maxDiffLines = 120
	maxDiffWidth = 400
)

// TextDiff is what the change makes of a file's text, one element a line: those that go
// with a minus before them, those that come with a plus, and one of the lines around with
// a blank. Nothing is shown of a secret, of what is no text, and of a file that is deleted.
func TextDiff(c Change) []string {
	after, ok := c.After.(File)
	if !ok || after.Type != "file" || after.Secret || !shows(after.Content) {
		return nil
	}
	var old []string
	if before, there := c.Before.(File); there {
		if !shows(before.Content) || before.SHA256 == after.SHA256 {
			return nil
		}
		old = textLines(before.Content)
	}
	return hunk(old, textLines(after.Content))
}

func shows(content []byte) bool {
	return len(content) <= maxDiffed && utf8.Valid(content) && !strings.ContainsRune(string(content), 0)
}

func textLines(content []byte) []string {
	if len(content) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}

// hunk is the one stretch in which the texts differ.
func hunk(old, text []string) []string {
	from := 0
	for from < min(len(old), len(text)) && old[from] == text[from] {
		from++
	}
	rest := 0
	for rest < min(len(old), len(text))-from && old[len(old)-1-rest] == text[len(text)-1-rest] {
		rest++
	}
	var out []string
	if from > 0 {
		out = append(out, diffLine(" ", old[from-1]))
	}
	out = appendLines(out, "-", old[from:len(old)-rest])
	out = appendLines(out, "+", text[from:len(text)-rest])
	if rest > 0 {
		out = append(out, diffLine(" ", old[len(old)-rest]))
	}
	return out
}

func appendLines(out []string, sign string, lines []string) []string {
	for i, l := range lines {
		if i == maxDiffLines {
			return append(out, fmt.Sprintf("%s ... %d more lines", sign, len(lines)-i))
		}
		out = append(out, diffLine(sign, l))
	}
	return out
}

func diffLine(sign, line string) string {
	if len(line) > maxDiffWidth {
		line = strings.ToValidUTF8(line[:maxDiffWidth], "") + " ..."
	}
	return sign + line
}
