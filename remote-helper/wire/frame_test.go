package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/templates"
)

func TestFramesRoundTrip(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf)
	if err := w.Queue(map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
	if buf.Len() != 0 {
		t.Errorf("Queue flushed %d bytes, want none", buf.Len())
	}
	content := strings.Repeat("x", 300<<10)
	if err := w.Blob(map[string]int{"b": 2}, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	r := NewReader(&buf)
	var first, second map[string]int
	if err := errors.Join(r.JSON(&first), r.JSON(&second)); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := r.Blob(&got); err != nil {
		t.Fatal(err)
	}
	if first["a"] != 1 || second["b"] != 2 || got.String() != content {
		t.Errorf("got %v, %v and %d bytes; want a=1, b=2 and %d bytes", first, second, got.Len(), len(content))
	}
	if err := r.JSON(&first); err != io.EOF {
		t.Errorf("at the end: got %v, want io.EOF", err)
	}
}

func TestReaderRefusesGarbage(t *testing.T) {
	cases := map[string]string{
		"motd":        "Welcome to Debian\n",
		"huge length": "J\xff\xff\xff\xff",
		"cut short":   "J\x00\x00\x00\x09{}",
		"not json":    "J\x00\x00\x00\x02hi",
		"blob first":  "B\x00\x00\x00\x00",
	}
	for name, in := range cases {
		var v any
		if err := NewReader(strings.NewReader(in)).JSON(&v); err == nil || err == io.EOF {
			t.Errorf("%s: got %v, want an error", name, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("J\x00\x00\x00\x02{}"))
	f.Add([]byte("B\x00\x00\x00\x01x"))
	f.Fuzz(func(_ *testing.T, in []byte) {
		r := NewReader(bytes.NewReader(in))
		for range 10 {
			var v any
			if r.JSON(&v) != nil {
				return
			}
		}
	})
}

// TestExportsKeepTheirKinds: what --check does not know stays unknown, an integer an integer.
func TestExportsKeepTheirKinds(t *testing.T) {
	want := templates.Map{"once": templates.Unknown{Name: "once"}, "rc": 2, "raw": "\xff"}
	var buf bytes.Buffer
	if err := NewWriter(&buf).JSON(Event{Segment: &SegmentDone{Exports: want}}); err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := NewReader(&buf).JSON(&e); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, e.Segment.Exports); diff != "" {
		t.Errorf("exports (-want +got):\n%s", diff)
	}
}
