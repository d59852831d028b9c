package dial

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// includeDepth is OpenSSH's limit for files that include files.
const includeDepth = 16

// includeKey stands for Include in what the library parses: it would read the
// files itself, and refuse them for the first Match that it does not know.
const includeKey = "netruninclude"

// setting is one value with the place it came from.
type setting struct {
	value string
	file  string
	line  int
}

func (s setting) errorf(format string, args ...any) error {
	if s.line == 0 {
		return fmt.Errorf("%s: %w", s.file, fmt.Errorf(format, args...))
	}
	return fmt.Errorf("%s:%d: %w", s.file, s.line, fmt.Errorf(format, args...))
}

// settings maps lower-case keywords to values, the winning one first.
type settings map[string][]setting

// first returns the value that wins, and whether there is one.
func (s settings) first(key string) (setting, bool) {
	if len(s[key]) == 0 {
		return setting{}, false
	}
	return s[key][0], true
}

func (s settings) value(key string) string {
	v, _ := s.first(key)
	return v.value
}

// under puts options ("Keyword=value") before what the files say.
func (s settings) under(options []string) settings {
	given := settings{}
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		key = strings.ToLower(key)
		given[key] = append(given[key], setting{value: value, file: "-o " + o})
	}
	for key, values := range given {
		s[key] = append(values, s[key]...)
	}
	return s
}

// sshConfig is the parsed ssh config files, in order of precedence.
type sshConfig struct{ files []*configFile }

type configFile struct {
	path     string
	parsed   *ssh_config.Config
	included map[int][]*configFile // by line of the Include
}

// configLoader reads files and says what it left out.
type configLoader struct {
	home string
	logf func(string, ...any)
}

func loadSSHConfig(paths []string, home string, logf func(string, ...any)) (*sshConfig, error) {
	l := configLoader{home: home, logf: logf}
	c := &sshConfig{}
	for _, path := range paths {
		f, err := l.load(path, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read ssh config: %w", err)
		}
		c.files = append(c.files, f)
	}
	return c, nil
}

func (l configLoader) load(path string, depth int) (*configFile, error) {
	if depth > includeDepth {
		return nil, fmt.Errorf("%s: includes nested deeper than %d", path, includeDepth)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	parsed, err := parseConfig(l.digest(path, text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &configFile{path: path, parsed: parsed, included: map[int][]*configFile{}}
	return f, l.include(f, depth)
}

// parseConfig is the library's parser, which panics on some malformed lines.
func parseConfig(text []byte) (c *ssh_config.Config, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed line: %v", r)
		}
	}()
	return ssh_config.DecodeBytes(text)
}

// include loads the files that Include lines of f name.
func (l configLoader) include(f *configFile, depth int) error {
	for _, block := range f.parsed.Hosts {
		for _, node := range block.Nodes {
			kv, ok := node.(*ssh_config.KV)
			if !ok || !strings.EqualFold(kv.Key, includeKey) {
				continue
			}
			line := kv.Pos().Line
			for _, pattern := range strings.Fields(kv.Value) {
				files, err := l.glob(f.path, strings.Trim(pattern, `"`), depth)
				if err != nil {
					return fmt.Errorf("%s:%d: include: %w", f.path, line, err)
				}
				f.included[line] = append(f.included[line], files...)
			}
		}
	}
	return nil
}

func (l configLoader) glob(from, pattern string, depth int) ([]*configFile, error) {
	pattern = expandHome(pattern, l.home)
	if !filepath.IsAbs(pattern) {
		base := filepath.Join(l.home, ".ssh")
		if strings.HasPrefix(from, "/etc/ssh") {
			base = "/etc/ssh"
		}
		pattern = filepath.Join(base, pattern)
	}
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var files []*configFile
	for _, path := range paths {
		f, err := l.load(path, depth+1)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// digest rewrites the lines that the library reads otherwise than OpenSSH, and
// keeps the count of lines.
func (l configLoader) digest(path string, text []byte) []byte {
	lines := bytes.Split(text, []byte("\n"))
	for i, line := range lines {
		key, rest := splitKey(string(line))
		switch strings.ToLower(key) {
		case "include":
			lines[i] = []byte(includeKey + " " + rest)
		case "host":
			lines[i] = []byte("Host " + strings.Join(strings.Fields(stripComment(rest)), " "))
		case "match":
			lines[i] = []byte(l.match(path, i+1, strings.Fields(stripComment(rest))))
		}
	}
	return bytes.Join(lines, []byte("\n"))
}

// match makes a Host line of a Match line. What hangs on more than the name is
// left out, and said: without it a login may be refused, but host keys are
// checked all the same.
func (l configLoader) match(path string, line int, criteria []string) string {
	switch {
	case len(criteria) == 1 && strings.EqualFold(criteria[0], "all"):
		return "Host *"
	case len(criteria) == 2 && (strings.EqualFold(criteria[0], "host") || strings.EqualFold(criteria[0], "originalhost")):
		return "Host " + strings.Join(strings.Split(strings.Trim(criteria[1], `"`), ","), " ")
	}
	l.logf("%s:%d: block ignored: Match %s is not supported, only all, host and originalhost alone", path, line, strings.Join(criteria, " "))
	return "Host !*"
}

// splitKey cuts "Key value" or "Key=value".
func splitKey(line string) (key, rest string) {
	line = strings.TrimSpace(line)
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return line, ""
	}
	rest = strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	return line[:end], rest
}

func stripComment(s string) string {
	if i := strings.Index(s, " #"); i >= 0 {
		s = s[:i]
	}
	return s
}

func expandHome(path, home string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		return filepath.Join(home, path[1:])
	}
	return path
}

// lookup collects what the files say about an alias.
func (c *sshConfig) lookup(alias string) settings {
	s := settings{}
	for _, f := range c.files {
		f.collect(alias, s)
	}
	return s
}

func (f *configFile) collect(alias string, s settings) {
	for _, block := range f.parsed.Hosts {
		if !block.Matches(alias) {
			continue
		}
		for _, node := range block.Nodes {
			kv, ok := node.(*ssh_config.KV)
			if !ok {
				continue
			}
			key, line := strings.ToLower(kv.Key), kv.Pos().Line
			for _, sub := range f.included[line] {
				sub.collect(alias, s)
			}
			if key != includeKey {
				s[key] = append(s[key], setting{value: kv.Value, file: f.path, line: line})
			}
		}
	}
}
