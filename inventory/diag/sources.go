package diag

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Sources remembers the texts that positions point into. The zero value is
// ready to use, a nil *Sources remembers nothing, and it is safe for concurrent
// use.
type Sources struct {
	mu    sync.Mutex
	texts map[string][]byte
}

// Add remembers text under the name that positions in it carry. The text is
// kept, not copied.
func (s *Sources) Add(file string, text []byte) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.texts == nil {
		s.texts = map[string][]byte{}
	}
	s.texts[file] = text
}

// Show prints err for a person. Each *Error in it gets its line of text, a caret
// and its hint; other errors get one line:
//
//	site.yaml:7:7: unknown argument "gatway" of static_ip
//	    7 |       gatway: 10.0.0.1
//	      |       ^~~~~~
//	  did you mean "gateway"?
//
// Control characters are escaped, long lines cut around the caret, and values of
// keys that name a secret are masked; of a private place there is no line. The
// error returned is w's.
func (s *Sources) Show(w io.Writer, err error) error {
	var b strings.Builder
	for _, leaf := range leaves(err) {
		s.show(&b, leaf)
	}
	_, werr := io.WriteString(w, b.String())
	return werr
}

func (s *Sources) show(b *strings.Builder, err error) {
	var e *Error
	if !errors.As(err, &e) {
		fmt.Fprintln(b, printable(err.Error()))
		return
	}
	fmt.Fprintln(b, e.headline())
	if line, ok := s.line(e.Pos); ok {
		fmt.Fprint(b, excerpt(line, e.Pos))
	}
	if e.Hint != "" {
		fmt.Fprintf(b, "  %s\n", printable(e.Hint))
	}
}

func (s *Sources) line(p Pos) ([]byte, bool) {
	if s == nil || p.Line < 1 || p.Private {
		return nil, false
	}
	s.mu.Lock()
	text, ok := s.texts[p.File]
	s.mu.Unlock()
	for n := 1; ok && n < p.Line; n++ {
		_, text, ok = bytes.Cut(text, []byte("\n"))
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), ok
}
