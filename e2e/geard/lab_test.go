package geard

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"netrun/e2e/rig"
)

// world is a test with a folder, on the lab.
type world struct {
	*testing.T
	dir string
}

// newWorld has the lab to itself until the test ends: then no container is left on it,
// and nothing that netrun keeps.
func newWorld(t *testing.T) *world {
	t.Helper()
	if the.missing != "" {
		t.Skipf("probed this machine for a lab with Docker and redis: %s", the.missing)
	}
	w := &world{T: t, dir: t.TempDir()}
	began := time.Now()
	t.Cleanup(func() {
		if _, err := everywhere(context.Background(), sweep); err != nil {
			t.Errorf("sweep: %v", err)
		}
		t.Logf("%s in all", time.Since(began).Round(100*time.Millisecond))
	})
	return w
}

func (w *world) write(name, text string) string {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

func (w *world) read(name string) string {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

// env is that of a person without any configuration, agent or terminal.
func (w *world) env() []string {
	return []string{"HOME=" + w.dir, "SSH_AUTH_SOCK=", "NETRUN_INVENTORY=" + the.lab.Inventory, "NO_COLOR=1"}
}

// netrun runs it, in the test's folder and with the lab's inventory, and wants the exit status.
func (w *world) netrun(exit int, args ...string) rig.Result {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 2*time.Minute)
	defer cancel()
	r, err := rig.Run(ctx, rig.Command{Argv: append([]string{the.netrun}, args...), Env: w.env(), Dir: w.dir})
	if err != nil {
		w.Fatal(err)
	}
	if testing.Verbose() {
		w.Logf("netrun %s: %s", strings.Join(args, " "), r.Elapsed.Round(10*time.Millisecond))
	}
	if r.Exit != exit {
		w.Fatalf("netrun %s: got exit status %d; want %d\n%s%s", strings.Join(args, " "), r.Exit, exit, r.Stdout, r.Stderr)
	}
	return r
}

// says wants netrun to print each text too.
func (w *world) says(exit int, said []string, args ...string) rig.Result {
	w.Helper()
	r := w.netrun(exit, args...)
	for _, text := range said {
		if !strings.Contains(r.Stdout+r.Stderr, text) {
			w.Errorf("netrun %s: got\n%s%s\nwant %q in it", strings.Join(args, " "), r.Stdout, r.Stderr, text)
		}
	}
	return r
}

// dated is what the annotated files of tests have behind the deployment's name.
const dated = ".20260102-150405"

// deploy deploys the file, and writes the annotated one to NAME and dated.
func (w *world) deploy(exit int, file string, more ...string) rig.Result {
	w.Helper()
	name, _, _ := strings.Cut(file, ".")
	return w.netrun(exit, append([]string{"deploy", "--settle", "300ms", "--save", filepath.Join(w.dir, name+dated), file}, more...)...)
}

// edit changes texts of a file, each of which has to be there.
func (w *world) edit(name string, changes ...string) {
	w.Helper()
	text := w.read(name)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			w.Fatalf("%s: got\n%s\nwant %q in it", name, text, changes[i])
		}
		text = strings.ReplaceAll(text, changes[i], changes[i+1])
	}
	w.write(name, text)
}

var recap = regexp.MustCompile(`\bchanged=([0-9]+)`)

// unchanged wants a run on that many hosts that changed nothing.
func (w *world) unchanged(r rig.Result, hosts int) {
	w.Helper()
	found := recap.FindAllStringSubmatch(r.Stdout, -1)
	if len(found) != hosts {
		w.Errorf("got a recap of %d hosts; want %d\n%s", len(found), hosts, r.Stdout)
	}
	for _, f := range found {
		if f[1] != "0" {
			w.Errorf("got %s; want changed=0\n%s", f[0], r.Stdout)
		}
	}
}

// on runs a shell script on a lab host, without SSH.
func (w *world) on(host, script string, args ...string) string {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	out, err := the.lab.Shell(ctx, host, script, args...)
	if err != nil {
		w.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// eventually waits until check finds nothing wrong any more.
func (w *world) eventually(patience time.Duration, check func() string) {
	w.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		wrong := check()
		if wrong == "" {
			return
		}
		if time.Now().After(end) {
			w.Fatalf("after %s still: %s", patience, wrong)
		}
	}
}

// asks wants what a command in a container prints, soon: its server may have just begun.
func (w *world) asks(host, container, want string, argv ...string) {
	w.Helper()
	w.eventually(5*time.Second, func() string {
		got := w.inside(host, container, argv...)
		if got != want {
			return fmt.Sprintf("%s in %s on %s: got %q; want %q", strings.Join(argv, " "), container, host, got, want)
		}
		return ""
	})
}

// inside is what a command in the container prints, errors too.
func (w *world) inside(host, container string, argv ...string) string {
	w.Helper()
	name, runtime, found := strings.Cut(container, "@")
	if !found {
		runtime = "docker"
	}
	return w.on(host, `r=$1 c=$2; shift 2; timeout 10 $r exec "$c" timeout 3 "$@" 2>&1 || true`, append([]string{runtime, name}, argv...)...)
}

// reaches wants a redis at the address, as the container sees it, to be that of a container.
func (w *world) reaches(host, container, at string, targetHost, target string) {
	w.Helper()
	addr, port := at[:strings.LastIndex(at, ":")], at[strings.LastIndex(at, ":")+1:]
	want := w.hostname(targetHost, target)
	w.asks(host, container, want, "redis-cli", "-h", strings.Trim(addr, "[]"), "-p", port, "GET", "name")
}

// fetches is reaches for a server that speaks HTTP.
func (w *world) fetches(host, container, at string, targetHost, target string) {
	w.Helper()
	w.asks(host, container, w.hostname(targetHost, target), "wget", "-q", "-O", "-", "http://"+at+"/name")
}

// addr is the address of a lab host.
func (w *world) addr(host string) string {
	w.Helper()
	h, err := the.lab.Host(host)
	if err != nil {
		w.Fatal(err)
	}
	return h.Addr.String()
}

func (w *world) hostname(host, container string) string {
	w.Helper()
	return w.on(host, `docker inspect -f '{{.Config.Hostname}}' "$1"`, container)
}

// containers are those of a host by name, with id and whether they run.
func (w *world) containers(host string) map[string]string {
	w.Helper()
	out := map[string]string{}
	for line := range strings.Lines(w.on(host, `docker ps --all --no-trunc --format '{{.Names}} {{.ID}} {{.State}}'`)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		out[name] = rest
	}
	return out
}

// watch starts the host's watch, as its init would.
func (w *world) watch(host string) {
	w.Helper()
	w.on(host, `[ -e /run/netrun-watch.pid ] && exit
		setsid $(ls -t /var/lib/netrun/bin/netrun-helper-* | head -n 1) watch </dev/null >/var/log/netrun-watch.log 2>&1 &
		echo $! >/run/netrun-watch.pid`)
	w.Cleanup(func() {
		if w.Failed() {
			out, err := the.lab.Shell(context.Background(), host, "cat /var/log/netrun-watch.log")
			w.Logf("the watch of %s: %v\n%s", host, err, out)
		}
	})
}

// instance is one of an annotated file, as far as tests look at it.
type instance struct {
	ID    string `json:"Id"`
	On    string
	Ports []struct {
		Internal, External int
		Target             struct {
			Host string
			Port int
		}
	}
}

// deployed reads an annotated file.
func (w *world) deployed(name string) []instance {
	w.Helper()
	var d struct{ Instances []instance }
	if err := json.Unmarshal([]byte(w.read(name)), &d); err != nil {
		w.Fatalf("%s: %v", name, err)
	}
	return d.Instances
}
