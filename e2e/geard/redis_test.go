package geard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fixture is a descriptor of geard's with the lab's image, and the environment that
// tells each container of it what it is.
func (w *world) fixture(name string, environment map[string]string) string {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(the.root, "playbooks/deployment/testdata/geard/fixtures", name))
	if err != nil {
		w.Fatal(err)
	}
	out := string(text)
	for image, env := range environment {
		if !strings.Contains(out, `"`+image+`"`) {
			w.Fatalf("%s: got no image %s in\n%s", name, image, out)
		}
		out = strings.ReplaceAll(out, `"`+image+`"`, `"box"`+env)
	}
	w.write(name, out)
	return name
}

// environ is the environment of a container in a descriptor.
func environ(name, value string) string {
	return `, "Environment": [{"Name": "` + name + `", "Value": "` + value + `"}]`
}

// redisMartini is geard's own first example.
func (w *world) redisMartini() string {
	w.Helper()
	return w.fixture("redis_martini_deploy.json", map[string]string{
		"mrunalp/redis-todo": environ("HTTP", "3000"), "mrunalp/fedora-redis": environ("REDIS", "6379")})
}

func TestRedis(t *testing.T) {
	w := newWorld(t)
	file := w.redisMartini()

	before := w.states()
	r := w.says(0, []string{"create and start container martini-web-1 from box"}, "deploy", "--check", file, "node1", "node2")
	if strings.Contains(r.Stdout, "deployed as") {
		t.Errorf("--check: got\n%s\nwant no annotated file", r.Stdout)
	}
	w.same("--check", before)
	if found, _ := filepath.Glob(filepath.Join(w.dir, file+".*")); len(found) > 0 {
		t.Errorf("--check wrote %v", found)
	}

	w.says(0, []string{"deployed as " + file + "."}, "deploy", file, "node1", "node2")
	found, _ := filepath.Glob(filepath.Join(w.dir, file+".[0-9]*-[0-9]*"))
	if len(found) != 1 {
		t.Fatalf("annotated files: got %v; want one", found)
	}
	annotated := filepath.Base(found[0])
	w.asks("node1", "martini-web-1", "PONG", "redis-cli", "-h", "127.0.0.1", "PING")
	w.reaches("node1", "martini-web-1", "127.0.0.1:6379", "node2", "martini-redis-1")

	before, text := w.states(), w.read(annotated)
	w.unchanged(w.netrun(0, "deploy", "--save", annotated, annotated, "node1", "node2"), 2)
	w.same("a second deployment", before)
	if diff := cmp.Diff(text, w.read(annotated)); diff != "" {
		t.Errorf("annotated file after a second deployment (-before +now):\n%s", diff)
	}

	w.netrun(0, "deploy", "--delete", "--with", annotated)
	w.nothing("node1", "node2")
}
