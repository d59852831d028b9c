package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var summaries = []struct {
	name, in, want string
	ok             bool
}{
	{"passes", `
{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"run","Package":"p","Test":"TestA/x"}
{"Action":"pass","Package":"p","Test":"TestA/x","Elapsed":0}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0}
{"Action":"pass","Package":"p","Test":"TestB","Elapsed":0}
{"Action":"pass","Package":"p","Elapsed":0.25}
{"Action":"skip","Package":"nothing","Elapsed":0}
`, "ok   p 0.2s\n2 passed, 0 failed, 0 skipped\n", true},
	{"skips", `
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:7: no vlan here: operation not supported\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p","Elapsed":1}
`, "ok   p 1.0s\nskipped:\n  p TestA: no vlan here: operation not supported\n1 passed, 0 failed, 1 skipped\n", true},
	{"a subtest fails", `
{"Action":"pass","Package":"p","Test":"TestA/x"}
{"Action":"output","Package":"p","Test":"TestA/y","Output":"    a_test.go:9: got 1; want 2\n"}
{"Action":"output","Package":"p","Test":"TestA/y","Output":"    --- FAIL: TestA/y (0.00s)\n"}
{"Action":"fail","Package":"p","Test":"TestA/y"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"fail","Package":"p","Elapsed":1}
`, "--- FAIL p TestA/y\n    a_test.go:9: got 1; want 2\nFAIL p 1.0s\n1 passed, 1 failed, 0 skipped\n", false},
	{"a parent fails by itself", `
{"Action":"pass","Package":"p","Test":"TestA/x"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:9: leaked\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p","Elapsed":1}
`, "--- FAIL p TestA\n    a_test.go:9: leaked\nFAIL p 1.0s\n1 passed, 1 failed, 0 skipped\n", false},
	{"no build", `
{"ImportPath":"p [p.test]","Action":"build-output","Output":"# p [p.test]\n"}
{"ImportPath":"p [p.test]","Action":"build-output","Output":"a.go:3:1: syntax error\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","Elapsed":0,"FailedBuild":"p [p.test]"}
`, "FAIL p 0.0s\n    # p [p.test]\n    a.go:3:1: syntax error\n0 passed, 1 failed, 0 skipped\n", false},
	{"a panic", `
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestB","Output":"panic: oh\n"}
{"Action":"fail","Package":"p","Elapsed":1}
`, "--- FAIL p TestB\n    panic: oh\nFAIL p 1.0s\n1 passed, 1 failed, 0 skipped\n", false},
	{"cut off", `
{"Action":"start","Package":"p"}
{"Action":"pass","Package":"p","Test":"TestA"}
`, "FAIL p: its run never ended\n0 passed, 1 failed, 0 skipped\n", false},
	{"nothing ran", "go: no such package\n", "go: no such package\n0 passed, 0 failed, 0 skipped\n", false},
}

func TestSummary(t *testing.T) {
	for _, tt := range summaries {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			s := newSummary(&out)
			if err := s.read(strings.NewReader(strings.TrimLeft(tt.in, "\n"))); err != nil {
				t.Fatal(err)
			}
			if ok := s.close(); ok != tt.ok {
				t.Errorf("close: got %v; want %v", ok, tt.ok)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVerbosePassesOnWhatTestsPrint(t *testing.T) {
	var out strings.Builder
	s := newSummary(&out)
	s.verbose = true
	events := `{"Action":"output","Package":"p","Output":"two machines up\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"pass","Package":"p","Elapsed":1}
`
	if err := s.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	s.close()
	if diff := cmp.Diff("two machines up\n=== RUN   TestA\nok   p 1.0s\n1 passed, 0 failed, 0 skipped\n", out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}
