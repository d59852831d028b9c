package tree

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	testName = regexp.MustCompile("`(Test[A-Za-z0-9]+)")
	tableRow = regexp.MustCompile(`(?m)^\| (\d+) \|.*$`)
)

// TestComparisonsNameTheirTests wants each numbered row of docs/comparison to name a
// test, each such test to be there, and no number to be left out.
func TestComparisonsNameTheirTests(t *testing.T) {
	known := map[string]bool{}
	for _, f := range parseTree(t) {
		if !isTest(f.path) {
			continue
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				known[fn.Name.Name] = true
			}
		}
	}
	pages, err := filepath.Glob("../../docs/comparison/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("got %d pages, error %v", len(pages), err)
	}
	for _, page := range pages {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var numbers []string
		for _, row := range tableRow.FindAllStringSubmatch(string(raw), -1) {
			numbers = append(numbers, row[1])
			names := testName.FindAllStringSubmatch(row[0], -1)
			if len(names) == 0 && !strings.Contains(row[0], "every row of") {
				t.Errorf("%s: row %s names no test", page, row[1])
			}
			for _, name := range names {
				if !known[name[1]] {
					t.Errorf("%s: row %s names %s, which is not there", page, row[1], name[1])
				}
			}
		}
		for i, n := range numbers {
			if n != strconv.Itoa(i+1) {
				t.Errorf("%s: row %d has the number %s", page, i+1, n)
				break
			}
		}
		if strings.HasSuffix(page, "pipework.md") && !slices.Contains(numbers, "31") {
			t.Errorf("%s: got %d rows; pipework has 31", page, len(numbers))
		}
	}
}
