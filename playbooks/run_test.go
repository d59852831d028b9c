package playbooks

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"netrun/inventory"
	"netrun/inventory/diag"
	"netrun/playbooks/script"
	"netrun/tasks/fakehost"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestRun plays the playbooks of testdata/run on hosts in memory. The first lines
// of a file are its options: check, verbose, tags=, skip=, start=, fail=N (the Nth
// write of each host goes wrong), hosts=a,b.
func TestRun(t *testing.T) {
	files, err := filepath.Glob("testdata/run/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("got no files, error %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			archive := txtar.Parse(raw)
			got := playArchive(t, archive)
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "out" })
			if *update {
				if i < 0 {
					archive.Files, i = append(archive.Files, txtar.File{Name: "out"}), len(archive.Files)
				}
				archive.Files[i].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if i < 0 {
				t.Fatal("no section out; write it with -update")
			}
			if diff := cmp.Diff(string(archive.Files[i].Data), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

type runOptions struct {
	CompileOptions
	verbose, twice bool
	fail           int
	hosts          string
}

func parseRunOptions(t *testing.T, text string) runOptions {
	t.Helper()
	o := runOptions{hosts: "web1,"}
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "check":
			o.Check = true
		case "verbose":
			o.verbose = true
		case "twice":
			o.twice = true
		case "tags":
			o.Tags = strings.Split(value, ",")
		case "skip":
			o.SkipTags = strings.Split(value, ",")
		case "start":
			o.StartAt = value
		case "hosts":
			o.hosts = value
		case "fail":
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			o.fail = n
		default:
			t.Fatalf("unknown option %q", word)
		}
	}
	return o
}

// playArchive plays site.yaml of the archive and says what came of it.
func playArchive(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range archive.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := parseRunOptions(t, string(archive.Comment))
	source := o.hosts
	if _, err := os.Stat(filepath.Join(dir, "inventory.ini")); err == nil {
		source = filepath.Join(dir, "inventory.ini")
	}
	inv, err := inventory.Load(t.Context(), []string{source}, inventory.Options{PlaybookDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	sources := &diag.Sources{}
	book, err := Load(filepath.Join(dir, "site.yaml"), Options{Sources: sources})
	if err != nil {
		_ = sources.Show(&out, err)
		return strings.ReplaceAll(out.String(), dir+"/", "")
	}
	fleet := &testFleet{t: t, out: &out, options: o, hosts: map[string]*testHost{}}
	o.Inventory = inv
	for range map[bool]int{true: 2, false: 1}[o.twice] {
		for _, p := range book.Plays {
			fleet.play(p, inv, o, sources)
		}
	}
	return strings.ReplaceAll(out.String(), dir+"/", "")
}

// testFleet does what the controller does with several hosts.
type testFleet struct {
	t       *testing.T
	out     *strings.Builder
	options runOptions
	hosts   map[string]*testHost
}

func (f *testFleet) host(name string) *testHost {
	h, ok := f.hosts[name]
	if !ok {
		h = &testHost{fleet: f, name: name, fake: fakehost.New(), carried: map[string]any{}}
		h.fake.Fail(f.options.fail)
		f.hosts[name] = h
	}
	return h
}

func (f *testFleet) play(p *Play, inv *inventory.Inventory, o runOptions, sources *diag.Sources) {
	hosts, err := p.Match(inv, "")
	if err != nil {
		f.t.Fatal(err)
	}
	fmt.Fprintf(f.out, "PLAY %s\n", p.Name)
	for _, batch := range p.Batches(hosts) {
		compiled, err := p.Compile(batch, o.CompileOptions)
		if err != nil {
			_ = sources.Show(f.out, err)
			return
		}
		f.batch(compiled)
	}
}

func (f *testFleet) batch(c *Compiled) {
	envs := map[string]*script.Env{}
	for _, name := range c.Hosts {
		envs[name] = script.NewEnv(f.overTheWire(c.Scripts[name]), script.Options{Check: f.options.Check, Verbose: f.options.verbose, Clock: f.host(name)})
		envs[name].Set(f.host(name).carried)
		for other, h := range f.hosts {
			if h.exports != nil {
				envs[name].Import(other, h.exports)
			}
		}
		f.host(name).begin(envs[name])
	}
	for i := range c.Scripts[c.Hosts[0]].Segments {
		for n, name := range c.Hosts {
			segment := f.overTheWire(c.Scripts[name]).Segments[i]
			if n > 0 && len(segment) > 0 && segment[0].RunOnce {
				continue
			}
			on := f.host(name)
			if len(segment) > 0 && segment[0].Delegate != "" {
				on = f.host(segment[0].Delegate)
				on.begin(envs[name])
			}
			f.report(name, script.Run(f.t.Context(), segment, envs[name], on, f.emit(name)))
			exports := envs[name].Exports()
			f.host(name).exports = exports
			for _, env := range envs {
				env.Import(name, exports)
				if len(segment) > 0 && segment[0].RunOnce {
					env.Set(exports)
				}
			}
			on.env = envs[on.name]
		}
	}
	for _, name := range c.Hosts {
		f.report(name, script.Finish(f.t.Context(), envs[name], f.host(name), f.emit(name)))
		f.host(name).carried = envs[name].Facts()
	}
}

// overTheWire is the script as the host gets it.
func (f *testFleet) overTheWire(s *script.Script) *script.Script {
	f.t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		f.t.Fatal(err)
	}
	var out script.Script
	if err := json.Unmarshal(raw, &out); err != nil {
		f.t.Fatal(err)
	}
	return &out
}

func (f *testFleet) report(name string, err error) {
	var failed *script.FailedError
	switch {
	case errors.As(err, &failed):
		fmt.Fprintf(f.out, "%s: ends\n", name)
	case err != nil:
		f.t.Fatal(err)
	}
}

func (f *testFleet) emit(host string) func(script.Result) {
	return func(r script.Result) {
		line := fmt.Sprintf("%s: %s %s", host, r.Status, r.Name)
		if r.Handler {
			line = fmt.Sprintf("%s: handler %s %s", host, r.Status, r.Name)
		}
		if r.Looped {
			line += fmt.Sprintf(" (%s)", r.Item)
		}
		if r.Attempts > 0 {
			line += fmt.Sprintf(" after %d attempts", r.Attempts)
		}
		if r.Undone {
			line += " [undone]"
		}
		if r.Msg != "" {
			line += ": " + strings.ReplaceAll(r.Msg, "\n", "\\n")
		}
		fmt.Fprintln(f.out, line)
		for _, c := range r.Changes {
			fmt.Fprintf(f.out, "    %s\n", c)
		}
		if !r.Register.IsZero() {
			raw, err := json.Marshal(r.Register)
			if err != nil {
				f.t.Fatal(err)
			}
			fmt.Fprintf(f.out, "    => %s\n", raw)
		}
	}
}
