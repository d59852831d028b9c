package templates

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
)

var texts = map[string]function{
	"print":        {0, -1, "print A B ...: all as one text", pure(printAll)},
	"printf":       {1, -1, `printf "%s:%d" A B: formatted as by Go's fmt`, pure(printFormat)},
	"quote":        {1, 1, "quote A: the text as one word of a shell line", onText(func(s string) any { return shellWord(s) })},
	"lower":        {1, 1, "lower TEXT", onText(func(s string) any { return strings.ToLower(s) })},
	"upper":        {1, 1, "upper TEXT", onText(func(s string) any { return strings.ToUpper(s) })},
	"trim":         {1, 1, "trim TEXT: without white space at its ends", onText(func(s string) any { return strings.TrimSpace(s) })},
	"b64enc":       {1, 1, "b64enc TEXT: as base64", onText(func(s string) any { return base64.StdEncoding.EncodeToString([]byte(s)) })},
	"b64dec":       {1, 1, "b64dec TEXT: from base64", pure(base64Decode)},
	"toJSON":       {1, 1, "toJSON VALUE: as JSON on one line", pure(toJSON)},
	"fromJSON":     {1, 1, "fromJSON TEXT: the value", pure(fromJSONFunc)},
	"replace":      {3, 3, "TEXT | replace OLD NEW", pure(replace)},
	"split":        {2, 2, "TEXT | split SEPARATOR: a list", pure(split)},
	"hasPrefix":    {2, 2, "TEXT | hasPrefix PREFIX: whether it begins with it", pure(hasPrefix)},
	"indent":       {2, 2, "TEXT | indent N: N spaces before each line that is not empty", pure(indent)},
	"regexMatch":   {2, 2, "TEXT | regexMatch REGEXP: whether a part of it matches", pure(regexMatch)},
	"regexReplace": {3, 3, "TEXT | regexReplace REGEXP NEW: $1 in NEW is the first group", pure(regexReplace)},
}

// onText makes a function of one on a single text.
func onText(f func(string) any) func(*run, []any) (any, error) {
	return pure(func(a []any) (any, error) {
		s, err := textOf(a[0])
		if err != nil {
			return nil, err
		}
		return f(s), nil
	})
}

// shellWord quotes a text so that a POSIX shell takes it for one word and nothing else.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'"
}

// textArgs are the arguments as texts.
func textArgs(a []any) ([]string, error) {
	out := make([]string, len(a))
	for i, v := range a {
		s, err := textOf(v)
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}

func printAll(a []any) (any, error) {
	var out []byte
	var err error
	for _, v := range a {
		if out, err = appendText(out, v, MaxOutput); err != nil {
			return nil, err
		}
	}
	return string(out), nil
}

// printFormat bounds the output beforehand: fmt makes all of it before anybody can look.
func printFormat(a []any) (any, error) {
	format, err := textOf(a[0])
	if err != nil {
		return nil, err
	}
	args := make([]any, len(a)-1)
	longest := 0
	for i, v := range a[1:] {
		args[i] = v
		if _, number := asFloat(v); number || v == nil {
			continue
		}
		if b, isBool := v.(bool); isBool {
			args[i] = b
			continue
		}
		s, err := textOf(v)
		if err != nil {
			return nil, err
		}
		args[i], longest = s, max(longest, 4*len(s))
	}
	verbs := strings.Count(format, "%") + len(args)
	if wide.MatchString(format) {
		return nil, fmt.Errorf("a width of more than 3 digits, or of *")
	}
	if len(format)+verbs*(longest+1100) > MaxOutput {
		return nil, errOutput
	}
	return fmt.Sprintf(format, args...), nil
}

var wide = regexp.MustCompile(`%[^a-zA-Z%]*(\d{4}|\*)`)

func base64Decode(a []any) (any, error) {
	s, err := textOf(a[0])
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	return string(raw), err
}

func toJSON(a []any) (any, error) {
	out, err := appendJSON(nil, a[0], MaxOutput)
	return string(out), err
}

func fromJSONFunc(a []any) (any, error) {
	s, err := textOf(a[0])
	if err != nil {
		return nil, err
	}
	return fromJSONText(s)
}

func replace(a []any) (any, error) {
	s, err := textArgs(a)
	if err != nil {
		return nil, err
	}
	if n := strings.Count(s[2], s[0]); len(s[2])+n*len(s[1]) > MaxOutput {
		return nil, errOutput
	}
	return strings.ReplaceAll(s[2], s[0], s[1]), nil
}

func split(a []any) (any, error) {
	s, err := textArgs(a)
	if err != nil {
		return nil, err
	}
	if strings.Count(s[1], s[0]) > 1_000_000 {
		return nil, errOutput
	}
	if s[1] == "" {
		return []any{}, nil
	}
	parts := strings.Split(s[1], s[0])
	out := make([]any, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out, nil
}

func hasPrefix(a []any) (any, error) {
	s, err := textArgs(a)
	return err == nil && strings.HasPrefix(s[1], s[0]), err
}

func indent(a []any) (any, error) {
	n, err := integer(a[0])
	if err != nil {
		return nil, err
	}
	s, err := textOf(a[1])
	if err != nil {
		return nil, err
	}
	if n < 0 || n > 1000 || len(s)+n*(strings.Count(s, "\n")+1) > MaxOutput {
		return nil, errOutput
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = strings.Repeat(" ", n) + line
		}
	}
	return strings.Join(lines, "\n"), nil
}

func regexMatch(a []any) (any, error) {
	s, err := textArgs(a)
	if err != nil {
		return nil, err
	}
	re, err := compileRegexp(s[0])
	return err == nil && re.MatchString(s[1]), err
}

func regexReplace(a []any) (any, error) {
	s, err := textArgs(a)
	if err != nil {
		return nil, err
	}
	re, err := compileRegexp(s[0])
	if err != nil {
		return nil, err
	}
	// Each match can insert all of the text once for each $ of the replacement.
	if n := len(re.FindAllStringIndex(s[2], -1)); len(s[2])+n*len(s[1])+strings.Count(s[1], "$")*len(s[2]) > MaxOutput {
		return nil, errOutput
	}
	return re.ReplaceAllString(s[2], s[1]), nil
}

func compileRegexp(text string) (*regexp.Regexp, error) {
	if len(text) > 10_000 {
		return nil, fmt.Errorf("a regular expression of more than 10000 bytes")
	}
	return regexp.Compile(text)
}
