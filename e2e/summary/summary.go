package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is a line of go test -json; see go doc test2json.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of a build's output
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// test is a test or subtest of a package.
type test struct {
	name   string
	output []string
	parent bool // it has subtests, which are counted in its stead
	result string
}

// suite is a package under test.
type suite struct {
	tests  map[string]*test
	order  []*test
	output []string // of no test
}

// summary collects events and prints packages as they finish.
type summary struct {
	w       io.Writer
	suites  map[string]*suite
	builds  map[string][]string // output of failed builds, by import path
	skips   []string
	passed  int
	failed  int
	skipped int
	verbose bool // all output is passed on as it comes
}

func newSummary(w io.Writer) *summary {
	return &summary{w: w, suites: map[string]*suite{}, builds: map[string][]string{}}
}

// read takes events until the input ends. A line that is none, such as a
// complaint of the go command, is passed on.
func (s *summary) read(r io.Reader) error {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			s.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read test events: %w", err)
		}
	}
}

func (s *summary) line(line []byte) {
	var e event
	if line[0] != '{' || json.Unmarshal(line, &e) != nil || e.Action == "" {
		fmt.Fprintf(s.w, "%s\n", bytes.TrimSpace(line))
		return
	}
	if s.verbose && e.Action == "output" && e.Output != "PASS\n" {
		fmt.Fprint(s.w, e.Output)
	}
	switch {
	case e.Action == "build-output":
		s.builds[e.ImportPath] = append(s.builds[e.ImportPath], e.Output)
	case e.Package == "":
	case e.Test != "":
		s.test(e)
	default:
		s.pkg(e)
	}
}

func (s *summary) suite(name string) *suite {
	if s.suites[name] == nil {
		s.suites[name] = &suite{tests: map[string]*test{}}
	}
	return s.suites[name]
}

func (p *suite) test(name string) *test {
	if p.tests[name] == nil {
		p.tests[name] = &test{name: name}
		p.order = append(p.order, p.tests[name])
		if i := strings.LastIndexByte(name, '/'); i > 0 {
			p.test(name[:i]).parent = true
		}
	}
	return p.tests[name]
}

func (s *summary) test(e event) {
	t := s.suite(e.Package).test(e.Test)
	switch e.Action {
	case "output":
		t.output = append(t.output, e.Output)
	case "pass", "fail", "skip":
		t.result = e.Action
	}
}

// pkg handles an event of a whole package; its last one prints the package.
func (s *summary) pkg(e event) {
	p := s.suite(e.Package)
	switch e.Action {
	case "output":
		p.output = append(p.output, e.Output)
	case "pass", "fail", "skip":
		s.finish(e, p)
		delete(s.suites, e.Package)
	}
}

func (s *summary) finish(e event, p *suite) {
	before := s.failed
	for _, t := range p.order {
		s.count(e, t, p)
	}
	if e.Action == "skip" && len(p.order) == 0 {
		return // no test files
	}
	verdict := "ok  "
	if e.Action == "fail" {
		verdict = "FAIL"
	}
	fmt.Fprintf(s.w, "%s %s %.1fs\n", verdict, e.Package, e.Elapsed)
	if e.Action == "fail" && s.failed == before {
		// No test of it is to blame: it did not build, or TestMain ended it.
		s.failed++
		s.print(s.builds[e.FailedBuild])
		s.print(p.output)
	}
}

// count adds a test's result. One without a result was running when the package
// died.
func (s *summary) count(e event, t *test, p *suite) {
	switch {
	case t.result == "pass" && !t.parent:
		s.passed++
	case t.result == "skip" && !t.parent:
		s.skipped++
		s.skips = append(s.skips, fmt.Sprintf("%s %s: %s", e.Package, t.name, reason(t.output)))
	case t.result == "fail" && !(t.parent && p.blames(t)), t.result == "" && e.Action == "fail" && !t.parent:
		s.failed++
		fmt.Fprintf(s.w, "--- FAIL %s %s\n", e.Package, t.name)
		s.print(t.output)
		if t.result == "" {
			s.print(p.output) // the panic or the timeout's stacks
		}
	}
}

// blames reports whether a subtest of t failed.
func (p *suite) blames(t *test) bool {
	return slices.ContainsFunc(p.order, func(sub *test) bool {
		return strings.HasPrefix(sub.name, t.name+"/") && sub.result != "pass" && sub.result != "skip"
	})
}

// print shows output without the marks that go test puts around tests.
func (s *summary) print(output []string) {
	for _, line := range output {
		if !mark(line) {
			fmt.Fprint(s.w, "    ", strings.TrimPrefix(strings.TrimRight(line, "\n"), "    "), "\n")
		}
	}
}

func mark(line string) bool {
	line = strings.TrimLeft(line, " ")
	return slices.ContainsFunc([]string{"=== ", "--- FAIL", "--- SKIP", "--- PASS", "FAIL\n", "FAIL\t", "exit status "}, func(m string) bool {
		return strings.HasPrefix(line, m)
	})
}

// reason returns what a test said when it skipped: its last line, without the
// place.
func reason(output []string) string {
	last := "no reason given"
	for _, line := range output {
		if text := strings.TrimSpace(line); text != "" && !mark(line) {
			last = text
		}
	}
	if _, text, ok := strings.Cut(last, ".go:"); ok {
		if _, text, ok := strings.Cut(text, ": "); ok {
			return text
		}
	}
	return last
}

// close prints skips, packages that never ended and the closing line. It
// reports whether all is well.
func (s *summary) close() bool {
	for _, name := range slices.Sorted(maps.Keys(s.suites)) {
		p := s.suites[name]
		if len(p.order) > 0 || len(p.output) > 0 {
			s.failed++
			fmt.Fprintf(s.w, "FAIL %s: its run never ended\n", name)
		}
	}
	if len(s.skips) > 0 {
		fmt.Fprintln(s.w, "skipped:")
	}
	for _, line := range s.skips {
		fmt.Fprintln(s.w, "  "+line)
	}
	fmt.Fprintf(s.w, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	return s.failed == 0 && s.passed > 0
}
