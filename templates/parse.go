package templates

import (
	"fmt"
	"regexp"
	"strings"
	"text/template/parse"

	"netrun/inventory/diag"
)

// maxText bounds a template's text, so that its parsing is bounded.
const maxText = 4 << 20

// Parse reads a template. The error is a *diag.Error with the place within the
// text, and a hint where the text looks like Jinja.
func Parse(text string, origin Origin) (*Template, error) {
	t := &Template{Source: text, Origin: origin}
	if len(text) > maxText {
		return nil, t.errorAt(0, "a template of more than 4 MiB").WithHint("split it, or copy the file as it is")
	}
	if loc := jinjaStatement.FindStringSubmatchIndex(text); loc != nil {
		return nil, t.errorAt(loc[0], "%q is Jinja", text[loc[0]:loc[1]]).
			WithHint("write {{ %s }} ... {{ end }}", strings.TrimSpace(text[loc[2]:loc[3]]))
	}
	if err := shallow(t); err != nil {
		return nil, err
	}
	tree := parse.New("t")
	tree.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := tree.Parse(text, "", "", trees); err != nil {
		return nil, t.syntaxError(err)
	}
	if err := t.check(tree, trees); err != nil {
		return nil, err
	}
	if err := t.compile(tree); err != nil {
		return nil, t.errorAt(0, "template: %v", err)
	}
	return t, nil
}

var (
	jinjaStatement = regexp.MustCompile(`\{%[-+]?\s*(if|for|else|elif|set)\b`)
	parseError     = regexp.MustCompile(`(?s)^template: t:(\d+): (.*)$`)
	inMessage      = regexp.MustCompile(`<(.+?)>|"(.+?)"|'(.)'`)
	filterCall     = regexp.MustCompile(`\|\s*([a-zA-Z_]\w*)\s*\(\s*([^()]*?)\s*\)`)
	subscript      = regexp.MustCompile(`(\w+)\[\s*['"]?([\w.-]+)['"]?\s*\]`)
	comparison     = regexp.MustCompile(`\s(==|!=|<=|>=|<|>|\+|-|\*|/|and|or|not|is|in|if)\s`)
)

// shallow refuses an action that nests deeper than a person writes: the parser recurses.
func shallow(t *Template) error {
	depth, blocks := 0, 0
	for i := 0; i < len(t.Source); i++ {
		switch t.Source[i] {
		case '(':
			depth++
		case ')':
			depth = max(0, depth-1)
		case '{':
			if isBlock(t.Source[i:]) {
				blocks++
			}
		}
		if depth > maxParens || blocks > maxBlocks {
			return t.errorAt(i, "a template with too many parentheses or blocks")
		}
	}
	return nil
}

const (
	maxParens = 1000
	maxBlocks = 20_000
)

var blockStart = regexp.MustCompile(`^\{\{-?\s*(if|with|range|else|block|define)\b`)

func isBlock(text string) bool {
	return strings.HasPrefix(text, "{{") && blockStart.MatchString(text[:min(len(text), 64)])
}

// syntaxError finds the place of the parser's complaint, of which only the line
// is told, and what a writer of Jinja should have written.
func (t *Template) syntaxError(err error) error {
	m := parseError.FindStringSubmatch(err.Error())
	if m == nil {
		return t.errorAt(0, "template: %v", err)
	}
	line, msg := 0, m[2]
	for _, c := range m[1] {
		line = line*10 + int(c-'0')
	}
	start := lineStart(t.Source, line)
	action, off := brokenAction(t.Source, start)
	e := t.errorAt(t.tokenOffset(msg, action, off), "template: %s", strings.TrimPrefix(msg, "template: "))
	return withJinjaHint(e, action)
}

func lineStart(text string, line int) int {
	off := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(text[off:], '\n')
		if i < 0 {
			return off
		}
		off += i + 1
	}
	return off
}

// brokenAction is the first action from start on that does not parse by itself.
func brokenAction(text string, start int) (action string, off int) {
	first, firstOff := "", start
	for off := start; ; {
		i := strings.Index(text[off:], "{{")
		if i < 0 {
			return first, firstOff
		}
		off += i
		action := text[off:]
		if end := strings.Index(action, "}}"); end >= 0 {
			action = action[:end+2]
		}
		if first == "" {
			first, firstOff = action, off
		}
		alone := parse.New("t")
		alone.Mode = parse.SkipFuncCheck
		if _, err := alone.Parse(action, "", "", map[string]*parse.Tree{}); err != nil && !strings.Contains(err.Error(), "EOF") {
			return action, off
		}
		off += len(action)
		if strings.Contains(text[start:off], "\n") {
			return first, firstOff
		}
	}
}

// tokenOffset is where in the action the token stands that the message quotes.
func (t *Template) tokenOffset(msg, action string, off int) int {
	for _, m := range inMessage.FindAllStringSubmatch(msg, -1) {
		token := strings.TrimSuffix(m[1]+m[2]+m[3], "...")
		if i := strings.Index(action, token); i >= 0 && token != "" {
			return off + i
		}
	}
	return off
}

func withJinjaHint(e *diag.Error, action string) error {
	if m := filterCall.FindStringSubmatch(action); m != nil {
		arg := strings.ReplaceAll(m[2], "'", `"`)
		before, _, _ := strings.Cut(action, "|")
		return e.WithHint("write %s | %s }}", dotted(before), strings.TrimSpace(m[1]+" "+strings.ReplaceAll(arg, ",", "")))
	}
	if m := subscript.FindStringSubmatch(action); m != nil {
		index := fmt.Sprintf("{{ index .%s %s }}", m[1], literal(m[2]))
		if index[len(index)-4] == '"' && !strings.ContainsAny(m[2], ".-") {
			return e.WithHint("write {{ .%s.%s }}, or %s", m[1], m[2], index)
		}
		return e.WithHint("write %s", index)
	}
	if m := comparison.FindStringSubmatch(action); m != nil {
		return e.WithHint("a value has functions, not operators: {{ eq .a .b }}, {{ add .n 1 }}; conditions belong in when")
	}
	return e
}

// dotted puts the dot before the name that begins an action.
func dotted(action string) string {
	name := strings.TrimSpace(strings.TrimLeft(action, "{- "))
	if name == "" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "$") {
		return "{{ " + name
	}
	return "{{ ." + name
}

func literal(s string) string {
	if strings.Trim(s, "0123456789") == "" {
		return s
	}
	return `"` + s + `"`
}
