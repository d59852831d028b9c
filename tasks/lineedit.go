package tasks

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// edit is the file's content with the line there, or not there, as in Ansible: a
// line that regexp matches is replaced, else line is inserted, unless it is there.
// Unlike Ansible's, an edit that would change its own result again is an error.
func (l *LineInFile) edit(old []byte) ([]byte, error) {
	once, err := l.editOnce(string(old))
	if err != nil || once == string(old) {
		return old, err
	}
	again, err := l.editOnce(once)
	if err != nil {
		return nil, err
	}
	if again != once {
		return nil, fmt.Errorf("line %q would change again each time: let regexp %q match one line, and what line makes of it", *l.Line, l.Regexp)
	}
	return []byte(once), nil
}

func (l *LineInFile) editOnce(old string) (string, error) {
	lines, ended := splitLines(old)
	var edited []string
	var err error
	if l.State == absent {
		edited, err = l.remove(lines)
	} else {
		edited, err = l.put(lines)
	}
	if err != nil {
		return "", err
	}
	// A line after the last one gives that one its end.
	return joinLines(edited, ended || len(edited) > len(lines)), nil
}

// splitLines gives the lines without their ends, and whether the last one has an end.
func splitLines(text string) (lines []string, ended bool) {
	if text == "" {
		return nil, true
	}
	body, ended := strings.CutSuffix(text, "\n")
	return strings.Split(body, "\n"), ended
}

func joinLines(lines []string, ended bool) string {
	if len(lines) == 0 {
		return ""
	}
	text := strings.Join(lines, "\n")
	if ended {
		text += "\n"
	}
	return text
}

func (l *LineInFile) remove(lines []string) ([]string, error) {
	gone := func(line string) bool { return l.Line != nil && hasLine([]string{line}, *l.Line) }
	if l.Regexp != "" {
		re, err := regexp.Compile(l.Regexp)
		if err != nil {
			return nil, fmt.Errorf("regexp %q: %w", l.Regexp, err)
		}
		gone = re.MatchString
	}
	return slices.DeleteFunc(slices.Clone(lines), gone), nil
}

func (l *LineInFile) put(lines []string) ([]string, error) {
	line := *l.Line
	if l.Regexp != "" {
		re, err := regexp.Compile(l.Regexp)
		if err != nil {
			return nil, fmt.Errorf("regexp %q: %w", l.Regexp, err)
		}
		settled := !l.Backrefs && !re.MatchString(line) && hasLine(lines, line)
		if i := l.find(lines, re.MatchString); i >= 0 && !settled {
			return l.replace(lines, i, re)
		}
		if l.Backrefs {
			return lines, nil
		}
	}
	if hasLine(lines, line) {
		return lines, nil
	}
	i, err := l.place(lines)
	if err != nil {
		return nil, err
	}
	return slices.Insert(slices.Clone(lines), i, line), nil
}

// hasLine reports whether the line is there, be it with a carriage return.
func hasLine(lines []string, line string) bool {
	return slices.ContainsFunc(lines, func(have string) bool { return have == line || have == line+"\r" })
}

// find is the index of the line that counts: the last match, or the first; -1 if none.
func (l *LineInFile) find(lines []string, match func(string) bool) int {
	found := -1
	for i, line := range lines {
		if match(line) {
			found = i
			if l.FirstMatch {
				break
			}
		}
	}
	return found
}

func (l *LineInFile) replace(lines []string, i int, re *regexp.Regexp) ([]string, error) {
	line := *l.Line
	if l.Backrefs {
		var err error
		if line, err = expandGroups(line, re, lines[i]); err != nil {
			return nil, err
		}
	}
	if lines[i] == line {
		return lines, nil
	}
	out := slices.Clone(lines)
	out[i] = line
	return out, nil
}

// place is where the line is inserted.
func (l *LineInFile) place(lines []string) (int, error) {
	text, after := l.InsertAfter, 1
	if l.InsertBefore != "" {
		text, after = l.InsertBefore, 0
	}
	switch {
	case l.InsertBefore == "BOF":
		return 0, nil
	case text == "" || text == "EOF":
		return len(lines), nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return 0, fmt.Errorf("regexp %q: %w", text, err)
	}
	if i := l.find(lines, re.MatchString); i >= 0 {
		return i + after, nil
	}
	return len(lines), nil
}

var groupRef = regexp.MustCompile(`\\(\\|[0-9]{1,2}|g<[A-Za-z0-9_]+>)`)

// expandGroups replaces \1 and \g<name> in line by the groups of re's match in old, and \\ by a backslash.
func expandGroups(line string, re *regexp.Regexp, old string) (string, error) {
	groups := re.FindStringSubmatch(old)
	var err error
	out := groupRef.ReplaceAllStringFunc(line, func(ref string) string {
		name := strings.Trim(ref[1:], "g<>")
		if ref == `\\` {
			return `\`
		}
		n, numeric := strconv.Atoi(name)
		if numeric != nil {
			n = re.SubexpIndex(name)
		}
		if n < 0 || n >= len(groups) {
			err = fmt.Errorf("line names the group %s, which regexp %q does not have", ref, re)
			return ""
		}
		return groups[n]
	})
	if err != nil {
		return "", err
	}
	return out, nil
}
