package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
)

// The bounds of an executable source.
const (
	scriptTime  = 2 * time.Minute // for --list and all --host together
	scriptGrace = 2 * time.Second // between its end and that of what it started
	maxStderr   = 8 << 10         // bytes of its complaints that are shown
)

// script runs an executable source: --list, and --host NAME for each host if
// --list gives no _meta.hostvars.
func (l *loader) script(path string) {
	ctx, cancel := context.WithTimeout(l.ctx, scriptTime)
	defer cancel()
	doc := l.answer(ctx, path, "--list")
	if doc.IsNull() {
		return
	}
	hosts, complete := l.scripted(doc)
	if complete {
		return
	}
	asked := map[*Host]bool{}
	for _, h := range hosts {
		if asked[h] {
			continue
		}
		asked[h] = true
		if ctx.Err() != nil {
			l.fail(diag.Pos{File: path}, "gave no variables of %d hosts in %v", len(hosts)-len(asked)+1, scriptTime).
				WithHint("print _meta.hostvars in answer to --list: then --host is not asked")
			return
		}
		if vars := l.answer(ctx, path, "--host", h.name); !vars.IsNull() {
			h.own = append(h.own, l.vars(vars, fmt.Sprintf("host %q", h.name)))
		}
	}
}

// answer runs the script and reads its mapping; nil after reporting an error.
func (l *loader) answer(ctx context.Context, path string, args ...string) *yamlpos.Node {
	out, err := l.opts.Run(ctx, path, args...)
	if err != nil {
		l.errs.Add(fmt.Errorf("run inventory %s %s: %w", path, strings.Join(args, " "), err))
		return nil
	}
	file := path + " " + strings.Join(args, " ")
	l.opts.Sources.Add(file, out)
	doc, err := yamlpos.Parse(file, out)
	if err != nil {
		l.errs.Add(err)
		return nil
	}
	if !doc.IsNull() && doc.Kind != yamlpos.Mapping {
		l.fail(doc.Pos, "an executable inventory prints a JSON object, not %s", doc.What())
		return nil
	}
	return doc
}

// run runs an executable with bounds on its output, and ends it, with what it
// started, when ctx is done.
func run(ctx context.Context, path string, args ...string) ([]byte, error) {
	abs, err := filepath.Abs(path) // a bare name would be searched in PATH
	if err != nil {
		return nil, err
	}
	stdout, stderr := &limited{max: yamlpos.MaxSize}, &limited{max: maxStderr, drop: true}
	cmd := exec.CommandContext(ctx, abs, args...)
	cmd.Dir = filepath.Dir(abs)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = scriptGrace
	ownGroup(cmd)
	if err := cmd.Run(); err != nil {
		switch {
		case ctx.Err() != nil:
			err = ctx.Err()
		case stdout.over:
			err = fmt.Errorf("output is larger than %d MiB", yamlpos.MaxSize>>20)
		}
		if said := strings.TrimSpace(stderr.buf.String()); said != "" {
			return nil, fmt.Errorf("%w: %s", err, strings.ReplaceAll(said, "\n", " | "))
		}
		return nil, err
	}
	return stdout.buf.Bytes(), nil
}

// limited keeps at most max bytes. What is beyond is dropped, or an error that
// ends the process.
type limited struct {
	buf  bytes.Buffer
	max  int
	drop bool
	over bool
}

var errOutput = errors.New("too much output")

func (l *limited) Write(p []byte) (int, error) {
	room := l.max - l.buf.Len()
	if len(p) <= room {
		return l.buf.Write(p)
	}
	l.over = true
	if !l.drop {
		return 0, errOutput
	}
	l.buf.Write(p[:room])
	return len(p), nil
}
