package diag

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxWidth = 100  // columns of text shown
	lead     = 60   // of them before the caret, if the line has to be cut
	window   = 4096 // bytes looked at on each side of the caret
)

// cell is what one rune of the text looks like on the screen.
type cell struct {
	text  string
	width int
}

// excerpt returns the line with its number and, if the column is known, a second
// line with a caret.
func excerpt(line []byte, p Pos) string {
	line, at, cut := near(line, p.Col)
	cells := render(line)
	from, to := view(cells, at)
	var text, pad strings.Builder
	if cut.left || from > 0 {
		text.WriteString("…")
		pad.WriteString(" ")
	}
	for i, c := range cells[from:to] {
		text.WriteString(c.text)
		if from+i < at {
			pad.WriteString(blank(c))
		}
	}
	if cut.right || to < len(cells) {
		text.WriteString("…")
	}
	num := fmt.Sprint(p.Line)
	out := fmt.Sprintf("    %s | %s\n", num, text.String())
	if p.Col < 1 {
		return out
	}
	return out + fmt.Sprintf("    %s | %s%s\n", strings.Repeat(" ", len(num)), pad.String(), caret(line, cells[:to], at))
}

type cuts struct{ left, right bool }

// near cuts a very long line down to a window around rune col-1, and returns the
// index of that rune in what is left.
func near(line []byte, col int) (part []byte, at int, cut cuts) {
	off := 0
	for i := 1; i < col && off < len(line); i++ {
		_, n := utf8.DecodeRune(line[off:])
		off += n
	}
	from, to := runeStart(line, off-window), min(len(line), runeStart(line, off+window))
	at = utf8.RuneCount(line[from:off])
	return line[from:to], at, cuts{from > 0, to < len(line)}
}

func runeStart(line []byte, i int) int {
	if i <= 0 || i >= len(line) {
		return max(0, min(i, len(line)))
	}
	for back := 0; back < utf8.UTFMax && i > 0 && !utf8.RuneStart(line[i]); back++ {
		i--
	}
	return i
}

// view returns the range of cells to show so that cell at is among them.
func view(cells []cell, at int) (from, to int) {
	total := 0
	for _, c := range cells {
		total += c.width
	}
	if total <= maxWidth {
		return 0, len(cells)
	}
	from = min(at, len(cells))
	for w := 0; from > 0 && w+cells[from-1].width <= lead; from-- {
		w += cells[from-1].width
	}
	to = from
	for w := 0; to < len(cells) && w+cells[to].width <= maxWidth; to++ {
		w += cells[to].width
	}
	return from, to
}

// render gives each rune of the line its cell: the cell at index i is that of
// the i-th rune, whatever it looks like.
func render(line []byte) []cell {
	hidden := secrets(line)
	var out []cell
	for off := 0; off < len(line); {
		r, n := utf8.DecodeRune(line[off:])
		out = append(out, look(r, n, line[off]))
		if len(hidden) > 0 && off >= hidden[0][0] {
			out[len(out)-1] = cell{}
			if off == hidden[0][0] {
				out[len(out)-1] = cell{masked, len(masked)}
			}
		}
		off += n
		if len(hidden) > 0 && off >= hidden[0][1] {
			hidden = hidden[1:]
		}
	}
	return out
}

func look(r rune, size int, first byte) cell {
	switch {
	case r == utf8.RuneError && size == 1:
		return cell{fmt.Sprintf(`\x%02x`, first), 4}
	case r == '\t':
		return cell{"\t", 8}
	case unsafe(r):
		s := escape(r)
		return cell{s, len(s)}
	case unicode.Is(unicode.Mn, r):
		return cell{string(r), 0}
	case wide(r):
		return cell{string(r), 2}
	}
	return cell{string(r), 1}
}

// blank is white space as wide as c; a tab stays a tab, so that the caret stands
// under its rune whatever the terminal's tab stops.
func blank(c cell) string {
	if c.text == "\t" {
		return "\t"
	}
	return strings.Repeat(" ", c.width)
}

// caret underlines the word that starts at rune at, as far as it is shown.
func caret(line []byte, shown []cell, at int) string {
	width := 0
	for _, c := range shown[min(at, len(shown)):min(at+wordLen(line, at), len(shown))] {
		width += c.width
	}
	return "^" + strings.Repeat("~", max(0, width-1))
}

var word = regexp.MustCompile(`^(?:"[^"]*"|'[^']*'|[\pL\pN_.-]+|)`)

// wordLen counts the runes of the word or quoted text that starts at rune at.
func wordLen(line []byte, at int) int {
	for range at {
		_, n := utf8.DecodeRune(line)
		line = line[n:]
	}
	return utf8.RuneCount(word.Find(line))
}

// wide reports whether terminals give r two columns (East Asian wide, emoji).
func wide(r rune) bool {
	switch {
	case r < 0x1100:
		return false
	case r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return true
	}
	return false
}

// unsafe reports whether r would act on a terminal instead of showing: control
// characters, and format characters such as those that turn the direction.
func unsafe(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

func escape(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// printable returns s on one line, with all that is not text escaped.
func printable(s string) string {
	var b strings.Builder
	for off := 0; off < len(s); {
		r, n := utf8.DecodeRuneInString(s[off:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[off])
		case unsafe(r):
			b.WriteString(escape(r))
		default:
			b.WriteRune(r)
		}
		off += n
	}
	return b.String()
}
