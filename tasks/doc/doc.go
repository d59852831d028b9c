// Package doc holds the reference page of every task kind. A page is a kind's
// manual, its example and its golden test: the table of its arguments, and what
// its example does, are made from the code and compared with it. The package is for
// the controller: the helper does not carry it.
package doc

import (
	"embed"
	"sort"
	"strings"
)

//go:embed *.md
var pages embed.FS

// Page is the page of the kind, in Markdown.
func Page(kind string) (text string, ok bool) {
	raw, err := pages.ReadFile(kind + ".md")
	return string(raw), err == nil
}

// Kinds lists the kinds that have a page, sorted.
func Kinds() []string {
	entries, err := pages.ReadDir(".")
	if err != nil {
		return nil // an embedded folder can be read
	}
	var kinds []string
	for _, e := range entries {
		kinds = append(kinds, strings.TrimSuffix(e.Name(), ".md"))
	}
	sort.Strings(kinds)
	return kinds
}

// Block is the text of the first fenced block of the page with that info string,
// such as "yaml example".
func Block(page, info string) (text string, ok bool) {
	from, to, ok := span(page, "```"+info+"\n", "```\n")
	if !ok {
		return "", false
	}
	return page[from:to], true
}

// Replace is the page with another text in that block, which must be there.
func Replace(page, info, text string) string {
	from, to, ok := span(page, "```"+info+"\n", "```\n")
	if !ok {
		return page
	}
	return page[:from] + text + page[to:]
}

// ReplaceTable is the page with another table of arguments.
func ReplaceTable(page, table string) string {
	from, to, ok := span(page, "<!-- arguments -->\n", "<!-- end -->\n")
	if !ok {
		return page
	}
	return page[:from] + table + page[to:]
}

// span finds what stands between the line begin and the line end after it.
func span(page, begin, end string) (from, to int, ok bool) {
	at := strings.Index("\n"+page, "\n"+begin)
	if at < 0 {
		return 0, 0, false
	}
	from = at + len(begin)
	rest := strings.Index("\n"+page[from:], "\n"+end)
	if rest < 0 {
		return 0, 0, false
	}
	return from, from + rest, true
}
