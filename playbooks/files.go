package playbooks

import (
	"fmt"
	"strings"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
	"netrun/templates"
)

// maxFile bounds a file that a task sends to hosts.
const maxFile = 64 << 20

// files reads each file once, and remembers texts for positions.
type files struct {
	read      func(string) ([]byte, error)
	sources   *diag.Sources
	texts     map[string][]byte
	lines     map[string][]string
	parsed    map[string]*yamlpos.Node
	templates map[string]*templates.Template
}

func (f *files) text(path string) ([]byte, error) {
	if text, ok := f.texts[path]; ok {
		return text, nil
	}
	text, err := f.read(path)
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: a file of more than %d MiB", path, maxFile>>20)
	}
	f.texts[path] = text
	return text, nil
}

func (f *files) exists(path string) bool {
	_, err := f.text(path)
	return err == nil
}

func (f *files) yaml(path string) (*yamlpos.Node, error) {
	if n, ok := f.parsed[path]; ok {
		return n, nil
	}
	text, err := f.text(path)
	if err != nil {
		return nil, err
	}
	f.sources.Add(path, text)
	n, err := yamlpos.Parse(path, text)
	if err != nil {
		return nil, err
	}
	f.parsed[path] = n
	return n, nil
}

// templateFile parses a file as a template, once.
func (f *files) templateFile(path string) (*templates.Template, error) {
	if t, ok := f.templates[path]; ok {
		return t, nil
	}
	text, err := f.text(path)
	if err != nil {
		return nil, err
	}
	f.sources.Add(path, text)
	t, err := templates.Parse(string(text), templates.Origin{Pos: diag.Pos{File: path, Line: 1, Col: 1}})
	if err != nil {
		return nil, err
	}
	f.templates[path] = t
	return t, nil
}

// line is one line of a file that was read, "" if there is none.
func (f *files) line(path string, n int) string {
	lines, ok := f.lines[path]
	if !ok {
		lines = strings.Split(string(f.texts[path]), "\n")
		f.lines[path] = lines
	}
	if n < 1 || n > len(lines) {
		return ""
	}
	return lines[n-1]
}

// origin finds where the text of a scalar stands in its file: YAML tells the place
// of the scalar, which for quotes and blocks is not that of the text.
func (f *files) origin(n *yamlpos.Node) templates.Origin {
	pos := n.Pos
	line := []rune(f.line(pos.File, pos.Line))
	if pos.Col < 1 || pos.Col > len(line) {
		return templates.Origin{Pos: pos, Indent: -1}
	}
	at := string(line[pos.Col-1:])
	switch {
	case strings.HasPrefix(at, n.Raw):
		return templates.Origin{Pos: pos}
	case (at[0] == '"' || at[0] == '\'') && strings.HasPrefix(at[1:], n.Raw):
		pos.Col++
		return templates.Origin{Pos: pos}
	case at[0] == '|':
		return f.blockOrigin(n)
	}
	return templates.Origin{Pos: pos, Indent: -1}
}

// blockOrigin is that of a literal block: its lines stand below, indented.
func (f *files) blockOrigin(n *yamlpos.Node) templates.Origin {
	first, _, _ := strings.Cut(n.Raw, "\n")
	next := f.line(n.Pos.File, n.Pos.Line+1)
	indent := strings.Index(next, first)
	if first == "" || indent < 0 || strings.TrimSpace(next[:indent]) != "" {
		return templates.Origin{Pos: n.Pos, Indent: -1}
	}
	pos := diag.Pos{File: n.Pos.File, Line: n.Pos.Line + 1, Col: indent + 1}
	return templates.Origin{Pos: pos, Indent: indent}
}
