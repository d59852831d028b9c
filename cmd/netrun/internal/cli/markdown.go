package cli

import (
	"regexp"
	"strings"
)

// markdown turns a reference page into text for a terminal. It knows what those
// pages are made of: headings, paragraphs, lists, fenced blocks, tables.
func markdown(page string, bold func(string) string) string {
	m := markdownReader{bold: bold}
	for _, line := range strings.Split(strings.TrimRight(page, "\n"), "\n") {
		m.line(line)
	}
	return m.out.String()
}

type markdownReader struct {
	out   strings.Builder
	bold  func(string) string
	fence bool
	rows  int // of the table that is being read
}

var link = regexp.MustCompile(`\[([^\]]+)\]\([^)]*\)`)

func (m *markdownReader) line(line string) {
	if strings.HasPrefix(line, "```") {
		m.fence = !m.fence
		return
	}
	if !strings.HasPrefix(line, "|") {
		m.rows = 0
	}
	switch {
	case m.fence && line == "":
		m.put("")
	case m.fence:
		m.put("    " + line)
	case strings.HasPrefix(line, "<!--"):
	case strings.HasPrefix(line, "#"):
		m.put(m.bold(strings.TrimLeft(line, "# ")))
	case strings.HasPrefix(line, "|"):
		m.row(line)
	default:
		m.put(link.ReplaceAllString(line, "$1"))
	}
}

func (m *markdownReader) put(line string) { m.out.WriteString(line + "\n") }

// row is a row of the table of arguments: the name with what it takes, and below
// it what it is. The first two rows are the head.
func (m *markdownReader) row(line string) {
	m.rows++
	if m.rows <= 2 {
		return
	}
	cells := cellsOf(line)
	if len(cells) != 4 {
		m.put(strings.Join(cells, "  "))
		return
	}
	takes := cells[1]
	switch cells[2] {
	case "":
	case "required":
		takes += ", required"
	default:
		takes += ", default " + cells[2]
	}
	m.put("  " + m.bold(cells[0]) + " (" + takes + ")")
	if cells[3] != "" {
		m.put("      " + cells[3])
	}
}

// cellsOf cuts a row at its bars; a bar in a cell is written \|.
func cellsOf(line string) []string {
	line = strings.ReplaceAll(strings.TrimSpace(line), `\|`, "\x00")
	cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|")
	for i, c := range cells {
		c = strings.ReplaceAll(strings.TrimSpace(c), "\x00", "|")
		cells[i] = strings.Trim(link.ReplaceAllString(c, "$1"), "`")
	}
	return cells
}
