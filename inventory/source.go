package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
)

// loader is what one Load needs while it reads.
type loader struct {
	ctx  context.Context
	opts Options
	inv  *Inventory
	errs diag.List
	dirs []string // of the sources, where group_vars and host_vars may be
}

const maxDirDepth = 8 // directories of sources in each other; links may go round

// source reads one source of any kind.
func (l *loader) source(path string, depth int) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.Contains(path, ","):
		l.hostList(path)
	case errors.Is(err, fs.ErrNotExist):
		l.fail(diag.Pos{File: path}, "no such inventory").WithHint("a file, a directory, or a list of hosts with a comma: %q", path+",")
	case err != nil:
		l.errs.Add(fmt.Errorf("read inventory: %w", err))
	case info.IsDir():
		l.dir(path, depth)
	default:
		l.file(path, info)
	}
}

// hostList reads "a,b[1:3],c:22".
func (l *loader) hostList(list string) {
	at := diag.Pos{File: list}
	for _, item := range strings.Split(list, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		names, port, err := expand(item, at)
		if err != nil {
			l.errs.Add(err)
			continue
		}
		vars := map[string]Var{}
		if port > 0 {
			vars["ansible_port"] = Var{Value: port, Pos: at}
		}
		l.addHosts(names, l.inv.alone, vars, at)
	}
}

// ignored are the names that a directory of sources may hold beside them: as in
// Ansible, a file .ini in a directory is the configuration of a script there.
var ignored = regexp.MustCompile(`^\.|^(?:host_vars|group_vars|vars_plugins)$|(?:~|\.(?:orig|ini|cfg|retry|pyc|pyo|swp|bak|rpm|md|txt|rst))$`)

func (l *loader) dir(path string, depth int) {
	if depth > maxDirDepth {
		l.fail(diag.Pos{File: path}, "directories of inventories nested more than %d deep", maxDirDepth)
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		l.errs.Add(fmt.Errorf("read inventory: %w", err))
		return
	}
	l.varsIn(path)
	read, skipped := 0, ""
	for _, e := range entries {
		switch {
		case !ignored.MatchString(e.Name()):
			read++
			l.source(filepath.Join(path, e.Name()), depth+1)
		case strings.HasSuffix(e.Name(), ".ini"):
			skipped = e.Name()
		}
	}
	if read == 0 && skipped != "" {
		l.fail(diag.Pos{File: path}, "a directory with no inventory in it: %s is not read", skipped).
			WithHint("in a directory .ini files are the configuration of scripts, as in Ansible; name it %s", strings.TrimSuffix(skipped, ".ini"))
	}
}

func (l *loader) varsIn(dir string) {
	if !slices.Contains(l.dirs, dir) {
		l.dirs = append(l.dirs, dir)
	}
}

func (l *loader) file(path string, info fs.FileInfo) {
	l.varsIn(filepath.Dir(path))
	text, err := readFile(path)
	if err != nil {
		l.errs.Add(err)
		return
	}
	switch {
	case isScript(text) && info.Mode()&0o111 != 0:
		l.script(path)
		return
	case isScript(text):
		l.fail(diag.Pos{File: path}, "a script that is not executable").WithHint("chmod +x %s", path)
		return
	}
	l.opts.Sources.Add(path, text)
	if isYAML(path, text) {
		l.yaml(path, text)
	} else {
		l.ini(path, text)
	}
}

// readFile reads a text of bounded size.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read inventory: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, yamlpos.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read inventory: %w", err)
	}
	if len(text) > yamlpos.MaxSize {
		return nil, diag.Errorf(diag.Pos{File: path}, "is larger than %d MiB", yamlpos.MaxSize>>20)
	}
	if bytes.HasPrefix(text, []byte("$ANSIBLE_VAULT;")) {
		return nil, diag.Errorf(diag.Pos{File: path, Line: 1, Col: 1}, "encrypted by Ansible's vault, which is not read").
			WithHint("decrypt it, or keep the secrets in a file that you give with -e @FILE")
	}
	return text, nil
}

func isScript(text []byte) bool {
	return bytes.HasPrefix(text, []byte("#!")) || bytes.HasPrefix(text, []byte("\x7fELF"))
}

// firstYAML matches a first line that YAML and JSON inventories have and INI
// ones do not.
var firstYAML = regexp.MustCompile(`^(?:---|%YAML|\{|["']?[\w.-]+["']?:\s*(?:\{.*|#.*|&\w+)?$)`)

// isYAML tells by the name, or, for a name that says nothing, by the first line.
func isYAML(path string, text []byte) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml", ".json":
		return true
	case ".ini", ".cfg":
		return false
	}
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			return firstYAML.Match(line)
		}
	}
	return false
}
