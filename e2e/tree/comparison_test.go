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

// comparedRows are how many rows the numbered tables of a page have, so that none is lost:
// what pipework does, what geard does, and geard's defects.
var comparedRows = map[string][]int{"pipework.md": {31}, "geard.md": {56, 14}}

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
		var tables []int
		for _, row := range tableRow.FindAllStringSubmatch(string(raw), -1) {
			tables = counted(t, page, tables, row[1])
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
		if want := comparedRows[filepath.Base(page)]; !slices.Equal(tables, want) {
			t.Errorf("%s: got tables of %v rows; want %v", page, tables, want)
		}
	}
}

// counted adds a row to the tables: the next one of the last table, or the first of another.
func counted(t *testing.T, page string, tables []int, number string) []int {
	t.Helper()
	last := len(tables) - 1
	switch {
	case number == "1":
		return append(tables, 1)
	case last < 0 || number != strconv.Itoa(tables[last]+1):
		t.Errorf("%s: row %s after tables of %v rows", page, number, tables)
	default:
		tables[last]++
	}
	return tables
}
