package tree

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	root         = "../.."
	maxFileLines = 500
	maxFuncLines = 60
)

// file is one parsed Go file.
type file struct {
	path string // below the root, with slashes
	set  *token.FileSet
	ast  *ast.File
}

func parseTree(t *testing.T) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "bin" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		files = append(files, file{filepath.ToSlash(rel), set, parsed})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 100 {
		t.Fatalf("found %d Go files, want the whole tree", len(files))
	}
	return files
}

func isTest(path string) bool { return strings.HasSuffix(path, "_test.go") }

func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, f := range parseTree(t) {
		if lines := f.set.File(f.ast.Pos()).LineCount(); lines > maxFileLines {
			t.Errorf("%s has %d lines, want at most %d", f.path, lines, maxFileLines)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || isTest(f.path) {
				continue
			}
			if lines := f.set.Position(fn.End()).Line - f.set.Position(fn.Pos()).Line + 1; lines > maxFuncLines {
				t.Errorf("%s: func %s has %d lines, want at most %d", f.path, fn.Name.Name, lines, maxFuncLines)
			}
		}
	}
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	said := map[string]bool{}
	for _, f := range parseTree(t) {
		if isTest(f.path) {
			continue
		}
		dir := filepath.Dir(f.path)
		said[dir] = said[dir] || f.ast.Doc != nil
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, f := range parseTree(t) {
		if isTest(f.path) {
			continue
		}
		for _, d := range f.ast.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: %s has no comment", f.path, name)
			}
		}
	}
}

// undocumented lists the exported names of a declaration that have no comment. A
// comment on a group of constants or variables speaks for the group.
func undocumented(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		var names []string
		for _, s := range d.Specs {
			names = append(names, undocumentedSpec(d, s)...)
		}
		return names
	}
	return nil
}

func undocumentedSpec(d *ast.GenDecl, s ast.Spec) []string {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
			return []string{s.Name.Name}
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
				return []string{n.Name}
			}
		}
	}
	return nil
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	name, ok := t.(*ast.Ident)
	return ok && name.IsExported()
}

var hollow = regexp.MustCompile(`^"(failed to|cannot|could not|unable to|error )`)

func TestErrorsBeginWithTheVerb(t *testing.T) {
	for _, f := range parseTree(t) {
		if isTest(f.path) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			fn, ok := call.Fun.(*ast.SelectorExpr)
			lit, isLit := call.Args[0].(*ast.BasicLit)
			if ok && isLit && (fn.Sel.Name == "Errorf" || fn.Sel.Name == "New") && hollow.MatchString(lit.Value) {
				t.Errorf("%s: the error %s says what went wrong twice: verb, object, cause", f.set.Position(n.Pos()), lit.Value)
			}
			return true
		})
	}
}

// TestLayers keeps the sides apart where internal/ cannot.
func TestLayers(t *testing.T) {
	cases := []struct{ pkg, mustNot, why string }{
		{"netrun/remote-helper", "go.yaml.in/yaml", "the helper gets compiled plays"},
		{"netrun/remote-helper", "golang.org/x/crypto/ssh", "the helper opens no connections of its own"},
		{"netrun/remote-helper", "net/http", "size"},
		{"netrun/tasks", "github.com/vishvananda", "a task wants objects and does nothing"},
		{"netrun/tasks/reconcile", "github.com/vishvananda", "reconcile is pure over state.Host"},
		{"netrun/playbooks", "github.com/vishvananda", "the controller changes no kernel"},
		{"netrun/inventory", "netrun/tasks", "an inventory knows hosts only"},
	}
	for _, c := range cases {
		out, err := exec.Command("go", "list", "-deps", c.pkg).Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", c.pkg, err)
		}
		for _, dep := range strings.Fields(string(out)) {
			if dep == c.mustNot || strings.HasPrefix(dep, c.mustNot+"/") {
				t.Errorf("%s depends on %s, and must not: %s", c.pkg, dep, c.why)
			}
		}
	}
	out, err := exec.Command("go", "list", "-f", "{{join .Imports \" \"}}", "netrun/tasks/state").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if strings.Contains(dep, ".") || strings.HasPrefix(dep, "netrun/") {
			t.Errorf("netrun/tasks/state imports %s: the standard library only", dep)
		}
	}
}
