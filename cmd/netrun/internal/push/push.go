// Package push brings the helper to a host and starts it: it finds the one that
// an earlier run left there, or uploads it, over one connection.
//
// It knows how a host may be laid out (read-only, full or noexec places, other
// users, no sftp), and nothing of what the helper does once it serves.
package push

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"netrun/cmd/netrun/internal/dial"
)

const (
	shortHash  = 16       // hex digits of the sha256 in names
	noiseLimit = 64 << 10 // bytes that login scripts may print before us
	magic      = "netrun-helper "
)

// Source holds the helper binaries. Architectures are Go's names.
type Source interface {
	// Hashes maps each architecture to the sha256 of its binary, in hex.
	Hashes() map[string]string
	// Binary returns the helper, gzipped or not.
	Binary(arch string, gzipped bool) ([]byte, error)
}

// Options are what Open needs besides a connection.
type Options struct {
	Source Source
	Become Become
	NoSFTP bool // push through the command's stdin at once
}

// Helper is a session whose Stdout stands right after the magic line.
type Helper struct {
	*dial.Session
	Place string // where it was put, if it was pushed now; else ""
}

// Open starts the helper on a host, pushing it if it is not there. One exec is
// enough, found or pushed. When the context ends so does the session under way;
// once Open has returned the context means nothing to it.
func Open(ctx context.Context, conn dial.Conn, opts Options) (*Helper, error) {
	h, err := open(ctx, conn, opts, false)
	var exit *dial.ExitError
	if errors.As(err, &exit) && (exit.Status == 126 || exit.Status == 127) && !errors.Is(err, errNoPlace) {
		// What lies there is ours by name but does not run: another
		// architecture's on a shared home, or the place became noexec.
		if again, err2 := open(ctx, conn, opts, true); err2 == nil {
			return again, nil
		}
	}
	return h, err
}

func open(ctx context.Context, conn dial.Conn, opts Options, fresh bool) (*Helper, error) {
	o := &opener{conn: conn, opts: opts, hashes: opts.Source.Hashes()}
	command, err := Command(o.short(), opts.Become, fresh)
	if err != nil {
		return nil, fmt.Errorf("start helper: %w", err)
	}
	if o.session, err = conn.Start(ctx, command); err != nil {
		return nil, err
	}
	o.in = bufio.NewReaderSize(o.session.Stdout, 32<<10)
	done := make(chan error, 1)
	go func() { done <- o.run(ctx) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		o.session.Close()
		return nil, fmt.Errorf("start helper: %w", err)
	}
	o.session.Stdout = o.in
	return &Helper{Session: o.session, Place: o.place}, nil
}

// opener is one attempt to start the helper.
type opener struct {
	conn    dial.Conn
	opts    Options
	hashes  map[string]string
	session *dial.Session
	in      *bufio.Reader

	host    *host  // set when the helper is absent
	place   string // where the last order put it
	noSFTP  bool
	noise   []byte
	causes  []string // one for each place that did not do
	refused atomic.Bool
}

// host is what an ABSENT line says.
type host struct {
	system, machine, uid string
	gzip                 bool
}

var (
	errNoPlace = errors.New("no place on the host can hold and run the helper")
	errNoise   = fmt.Errorf("login scripts print more than %d bytes before the command starts", noiseLimit)
)

// short lists the hashes as names carry them, the commonest architecture first.
func (o *opener) short() []string {
	var list []string
	for _, arch := range Arches() {
		if h := o.hashes[arch]; len(h) >= shortHash {
			list = append(list, h[:shortHash])
		}
	}
	return list
}

// run reads what the script says until the helper's magic line.
func (o *opener) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if o.opts.Become.Password != "" {
		go o.givePassword(ctx)
	}
	for {
		line, err := o.readLine()
		if err != nil {
			return o.ended(err)
		}
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case o.isMagic(line):
			return nil
		case strings.Contains(line, "NETRUN-ABSENT ") && o.host == nil:
			if err := o.absent(line); err != nil {
				return err
			}
		case o.host == nil:
			o.noise = append(append(o.noise, line...), '\n')
		case word == "NETRUN-NO":
			o.causes = append(o.causes, rest)
		case word == "NETRUN-NONE":
			return o.nowhere()
		case word == "NETRUN-AT":
			cancel()
			if err := o.deliver(rest); err != nil {
				return err
			}
		}
		if len(o.noise) > noiseLimit {
			return errNoise
		}
	}
}

// readLine returns a line without its end, of bounded length.
func (o *opener) readLine() (string, error) {
	var line []byte
	for {
		part, err := o.in.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			return strings.TrimRight(string(line), "\r\n"), nil
		}
		if len(line) > noiseLimit {
			return "", errNoise
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			o.noise = append(o.noise, line...)
			return "", err
		}
	}
}

// isMagic reports whether the line ends with the magic of one of our hashes:
// what a login script printed last may lack its newline.
func (o *opener) isMagic(line string) bool {
	i := strings.LastIndex(line, magic)
	if i < 0 {
		return false
	}
	for _, h := range o.hashes {
		if len(h) >= shortHash && line[i+len(magic):] == h[:shortHash] {
			return true
		}
	}
	return false
}

func (o *opener) absent(line string) error {
	f := strings.Fields(line[strings.Index(line, "NETRUN-ABSENT "):])
	if len(f) != 5 {
		return fmt.Errorf("the host's answer %q: not understood", line)
	}
	o.host = &host{system: f[1], machine: f[2], uid: f[3], gzip: f[4] == "gzip"}
	if _, err := o.arch(); err != nil {
		return err
	}
	return nil
}

// arch is the Go name of the host's architecture, if there is a helper for it.
func (o *opener) arch() (string, error) {
	arch := goArch(o.host.machine)
	if o.host.system != "Linux" || o.hashes[arch] == "" {
		return "", fmt.Errorf("no helper for %s/%s in this build", strings.ToLower(o.host.system), firstOf(arch, o.host.machine))
	}
	return arch, nil
}

func (o *opener) nowhere() error {
	return fmt.Errorf("%w:\n  %s", errNoPlace, strings.Join(o.causes, "\n  "))
}

// givePassword answers the prompt of sudo or su, once; a second prompt means
// that the password is wrong.
func (o *opener) givePassword(ctx context.Context) {
	asked := func(times int) func(string) bool {
		return func(kept string) bool {
			return strings.Count(kept, prompt)+strings.Count(kept, "assword: ") >= times
		}
	}
	if o.session.Stderr.Until(ctx, asked(1)) != nil {
		return
	}
	if _, err := io.WriteString(o.session.Stdin, o.opts.Become.Password+"\n"); err != nil {
		return
	}
	if o.session.Stderr.Until(ctx, asked(2)) == nil {
		o.refused.Store(true)
		o.session.Close()
	}
}

// ended explains a session that ended before the helper spoke.
func (o *opener) ended(err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	if o.refused.Load() {
		return errors.New("become: the password is wrong")
	}
	o.session.Stdin.Close()
	err = o.session.Wait()
	var exit *dial.ExitError
	switch {
	case err == nil:
		err = errors.New("the command ended without starting the helper")
	case errors.As(err, &exit):
		// sudo and its like tell the cause first and the consequence last.
		full := *exit
		full.Stderr = joinLines(strings.ReplaceAll(exit.Stderr, prompt, ""))
		err = &full
	}
	if len(o.causes) > 0 {
		err = fmt.Errorf("%w; places tried:\n  %s", err, strings.Join(o.causes, "\n  "))
	}
	if noise := strings.TrimSpace(string(o.noise)); noise != "" {
		err = fmt.Errorf("%w; it printed %.200q", err, noise)
	}
	return err
}

// joinLines puts the last 500 bytes of a text into one line.
func joinLines(text string) string {
	text = text[max(0, len(text)-500):]
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
