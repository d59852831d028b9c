package push

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/pkg/sftp"

	"netrun/cmd/netrun/internal/dial"
)

// scripted is a host that prints a text and takes whatever is written to it.
type scripted struct{ text string }

type discard struct{ io.Writer }

func (discard) Close() error { return nil }

func (s scripted) Start(context.Context, string) (*dial.Session, error) {
	end := func() error { return &dial.ExitError{Status: 1} }
	return dial.NewSession(discard{io.Discard}, strings.NewReader(s.text), &dial.Tail{}, end, func() error { return nil }), nil
}

func (scripted) SFTP() (*sftp.Client, error) { return nil, dial.ErrNoSFTP }
func (scripted) Close() error                { return nil }

var oneHash = fakeSource{hash: strings.Repeat("0123456789abcdef", 4)}

func TestWhatTheHostPrints(t *testing.T) {
	const absent = "NETRUN-ABSENT "
	tests := map[string]struct{ text, rest, err string }{
		"found":          {text: "netrun-helper 0123456789abcdef\nrest", rest: "rest"},
		"noise":          {text: "Last login\nx netrun-helper y\nhinetrun-helper 0123456789abcdef\nrest", rest: "rest"},
		"another helper": {text: "netrun-helper fedcba9876543210\n", err: `it printed "netrun-helper fedcba9876543210"`},
		"mips":           {text: absent + "Linux mips 0 gzip\n", err: "no helper for linux/mips in this build"},
		"other arch":     {text: absent + "Linux riscv64 0 gzip\n", err: "no helper for linux/riscv64 in this build"},
		"other system":   {text: absent + "FreeBSD amd64 0 gzip\n", err: "no helper for freebsd/amd64 in this build"},
		"garbled":        {text: absent + "\n", err: "not understood"},
		"nothing":        {text: "", err: "exit status 1"},
		"nowhere":        {text: absent + "Linux x86_64 0 gzip\nNETRUN-NO /a: full\nNETRUN-NO /b: bad\nNETRUN-NONE\n", err: "the helper:\n  /a: full\n  /b: bad"},
		"cut":            {text: absent + "Linux x86_64 0 gzip\nNETRUN-NO /a: full\n", err: "exit status 1; places tried:\n  /a: full"},
		"long line":      {text: strings.Repeat("x", noiseLimit+10), err: "login scripts print more than 65536 bytes"},
		"many lines":     {text: strings.Repeat("x\n", noiseLimit), err: "login scripts print more than 65536 bytes"},
	}
	for name, tt := range tests {
		h, err := Open(t.Context(), scripted{tt.text}, Options{Source: oneHash})
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: got %v; want an error with %q", name, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := io.ReadAll(h.Stdout); string(got) != tt.rest || err != nil {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, tt.rest)
		}
	}
}

// FuzzHostOutput: whatever a host prints, the opener ends and its memory is bounded.
func FuzzHostOutput(f *testing.F) {
	for _, seed := range []string{"", "netrun-helper 0123456789abcdef\n", "NETRUN-ABSENT Linux x86_64 0 gzip\nNETRUN-AT 5 /x\n", "NETRUN-ABSENT Linux x86_64 0 gzip\nNETRUN-AT \n", "NETRUN-AT"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, _ := scripted{text}.Start(t.Context(), "")
		o := &opener{conn: scripted{}, opts: Options{Source: oneHash}, hashes: oneHash.Hashes(), session: s, in: bufio.NewReader(s.Stdout)}
		if err := o.run(t.Context()); err != nil && errors.Is(err, io.EOF) {
			t.Errorf("run(%q): got %v; want an end that is explained", text, err)
		}
		if len(o.noise) > 4*noiseLimit {
			t.Errorf("run: kept %d bytes of noise", len(o.noise))
		}
	})
}
