package tasks_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/tasks"
)

const ours = `"netrun.owner":"netrun","netrun.config":"image=000000000000"`

// does does the task, which must need something.
func does(t *testing.T, m tasks.Machine, args args) tasks.Outcome {
	t.Helper()
	a := act(t, "container", args)
	if needed, err := a.Needed(t.Context(), m); err != nil || needed == "" {
		t.Fatalf("%v: needed %q, %v; want something", args, needed, err)
	}
	out, err := a.Do(t.Context(), m)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

var undoCases = []struct {
	name          string
	there         []fakeBox
	args          args
	done, settled string // "" where nothing is kept
	stays         bool   // nobody can undo it
}{
	{"create", nil, args{"name": "web", "image": "x"}, "new1=web running", "", false},
	{"create, present", nil, args{"name": "web", "image": "x", "state": "present"}, "new1=web stopped", "", false},
	{"restarted, missing", nil, args{"name": "web", "image": "x", "state": "restarted"}, "new1=web running", "", false},
	{"start", []fakeBox{{name: "web"}}, args{"name": "web"}, "id-web=web running", "", false},
	{"restarted, stopped", []fakeBox{{name: "web"}}, args{"name": "web", "state": "restarted"}, "id-web=web running", "", false},
	{"restarted", []fakeBox{{name: "web", running: true}}, args{"name": "web", "state": "restarted"}, "id-web=web running", "", true},
	{"stop", []fakeBox{{name: "web", running: true}}, args{"name": "web", "state": "stopped"}, "id-web=web stopped", "", false},
	{"recreate", []fakeBox{{name: "web", labels: ours, running: true}}, args{"name": "web", "image": "x"},
		"id-web=web.netrun-old stopped, new1=web running", "new1=web running", false},
	{"recreate, stopped", []fakeBox{{name: "web", labels: ours}}, args{"name": "web", "image": "x", "state": "stopped"},
		"id-web=web.netrun-old stopped, new1=web stopped", "new1=web stopped", false},
	{"recreate and stop", []fakeBox{{name: "web", labels: ours, running: true}}, args{"name": "web", "image": "x", "state": "stopped"},
		"id-web=web.netrun-old stopped, new1=web stopped", "new1=web stopped", false},
	{"absent", []fakeBox{{name: "web", labels: ours, running: true}}, args{"name": "web", "state": "absent"}, "id-web=web.netrun-old stopped", "", false},
	{"absent, stopped", []fakeBox{{name: "web", labels: ours}}, args{"name": "web", "state": "absent"}, "id-web=web.netrun-old stopped", "", false},
}

func TestContainerUndoAndKeep(t *testing.T) {
	for _, test := range undoCases {
		t.Run(test.name, func(t *testing.T) {
			m := newRuntime(test.there...)
			before := m.state()
			out := does(t, m, test.args)
			if got := m.state(); got != test.done {
				t.Errorf("done: got %s; want %s", got, test.done)
			}
			if (out.Undo == nil) != test.stays {
				t.Fatalf("got undo %v; want none: %v", out.Undo != nil, test.stays)
			}
			if out.Undo == nil {
				return
			}
			if err := out.Undo(t.Context()); err != nil || m.state() != before {
				t.Errorf("undone: got %s, %v; want %s\nran %s", m.state(), err, before, strings.Join(m.ran, "; "))
			}
			out = does(t, m, test.args)
			want := strings.ReplaceAll(test.done, "new1", "new2")
			if out.Keep != nil {
				want = strings.ReplaceAll(test.settled, "new1", "new2")
				if err := out.Keep(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if got := m.state(); got != want {
				t.Errorf("kept: got %s; want %s", got, want)
			}
		})
	}
}

// TestContainerStepFails: wherever a step goes wrong, all is put back at once.
func TestContainerStepFails(t *testing.T) {
	for _, test := range undoCases {
		for _, fails := range []string{"docker create", "docker start web", "docker stop -t 10 web", "docker rename web ", "docker rename web.netrun-new"} {
			m := newRuntime(test.there...)
			m.fails = fails
			before := m.state()
			out, err := act(t, "container", test.args).Do(t.Context(), m)
			if err == nil {
				continue
			}
			if out.Undo == nil || out.Undo(t.Context()) != nil || m.state() != before {
				t.Errorf("%s, where %s fails: got %s, %v; want %s, and nothing left to undo", test.name, fails, m.state(), err, before)
			}
		}
	}
}

// TestContainerTwiceInAPlay: each change of a container goes back to the one before it.
func TestContainerTwiceInAPlay(t *testing.T) {
	changes := []args{{"name": "web", "image": "x"}, {"name": "web", "image": "x", "env": args{"A": "1"}},
		{"name": "web", "state": "absent"}, {"name": "web", "image": "x"}, {"name": "web", "state": "stopped"}}
	for _, commit := range []bool{false, true} {
		m := newRuntime(fakeBox{name: "web", labels: ours, running: true})
		var states []string
		var outs []tasks.Outcome
		for _, c := range changes {
			states = append(states, m.state())
			outs = append(outs, does(t, m, c))
		}
		if want := "id-web=web.netrun-old stopped, new1=web.netrun-old2 stopped, new2=web.netrun-old3 stopped, new3=web stopped"; m.state() != want {
			t.Errorf("got %s; want %s", m.state(), want)
		}
		if commit {
			for _, out := range outs {
				if out.Keep != nil {
					if err := out.Keep(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
			if got, want := m.state(), "new3=web stopped"; got != want {
				t.Errorf("kept: got %s; want %s", got, want)
			}
			continue
		}
		for i := len(outs) - 1; i >= 0; i-- {
			if err := outs[i].Undo(t.Context()); err != nil || m.state() != states[i] {
				t.Errorf("undone %d: got %s, %v; want %s", i, m.state(), err, states[i])
			}
		}
	}
}

// TestContainerLeftovers: what a play that was cut off left is swept, and nothing else.
func TestContainerLeftovers(t *testing.T) {
	left := []fakeBox{{name: "web.netrun-old", labels: ours}, {name: "web.netrun-old2", labels: ours}, {name: "web.netrun-new", labels: ours}}
	others := []fakeBox{{name: "web.netrun-older"}, {name: "web-2.netrun-old"}, {name: "xweb.netrun-old"}}
	want := "id-web-2.netrun-old=web-2.netrun-old stopped, id-web.netrun-older=web.netrun-older stopped, id-xweb.netrun-old=xweb.netrun-old stopped"
	m := newRuntime(append(left, others...)...)
	does(t, m, args{"name": "web", "image": "x"})
	if got := m.state(); got != want+", new1=web running" {
		t.Errorf("got %s; want %s, and web", got, want)
	}
	m = newRuntime(append(left[:2:2], others...)...)
	does(t, m, args{"name": "web", "state": "absent"})
	if got := m.state(); got != want {
		t.Errorf("absent: got %s; want %s", got, want)
	}
	m = newRuntime(fakeBox{name: "web.netrun-old"})
	if _, err := act(t, "container", args{"name": "web", "image": "x"}).Do(t.Context(), m); err == nil || !strings.Contains(err.Error(), "is not netrun's") {
		t.Errorf("got %v; want that it is somebody else's", err)
	}
}

func TestContainerGroup(t *testing.T) {
	shop := `"netrun.owner":"netrun","netrun.group":"shop"`
	for _, test := range []struct {
		labels string
		args   args
		want   string // "" where it is not refused
	}{
		{shop, args{"name": "web", "group": "shop"}, ""},
		{shop, args{"name": "web", "group": "shop", "image": "x"}, ""},
		{shop, args{"name": "web"}, `belongs to group "shop", not to no group`},
		{shop, args{"name": "web", "group": "blog", "image": "x"}, `belongs to group "shop", not to group "blog"`},
		{shop, args{"name": "web", "group": "blog", "state": "absent"}, `belongs to group "shop", not to group "blog"`},
		{ours, args{"name": "web", "group": "blog", "image": "x"}, `belongs to no group, not to group "blog"`},
		{"", args{"name": "web", "group": "blog"}, `belongs to no group, not to group "blog"`},
		{"", args{"name": "web"}, ""},
	} {
		_, err := act(t, "container", test.args).Needed(t.Context(), newRuntime(fakeBox{name: "web", labels: test.labels}))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, %v: got %v; want %q", test.labels, test.args, err, test.want)
		}
	}
	m := newRuntime()
	does(t, m, args{"name": "web", "image": "x", "group": "shop"})
	if !strings.Contains(m.ran[0], " --label=netrun.group=shop ") {
		t.Errorf("got %s; want the label", m.ran[0])
	}
	config := func(more args) string {
		m := newRuntime()
		more["name"], more["image"] = "web", "x"
		does(t, m, more)
		_, label, _ := strings.Cut(m.ran[0], "netrun.config=")
		return strings.Fields(label)[0]
	}
	if got, want := config(args{"group": "shop", "settle": "1ms"}), config(args{}); got != want {
		t.Errorf("hashes with a group: got %s; want %s", got, want)
	}
}

func TestContainerThatDoesNotSettle(t *testing.T) {
	for _, test := range undoCases {
		m := newRuntime(test.there...)
		m.dies = 3
		before := m.state()
		arguments := args{"settle": "10ms"}
		for k, v := range test.args {
			arguments[k] = v
		}
		out, err := act(t, "container", arguments).Do(t.Context(), m)
		if !strings.Contains(test.done, "running") {
			if err != nil {
				t.Errorf("%s: got %v; want no error, since nothing is started", test.name, err)
			}
			continue
		}
		if err == nil || out.Undo == nil {
			t.Fatalf("%s: got %v, undo %v; want a failure that left nothing", test.name, err, out.Undo != nil)
		}
		want := "container web did not keep running for 10ms: exit code 3\ntwo\nthree\nfour\nfive\nno config"
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		// The old one of a restart and of a recreation is started again, and here dies again.
		if got := strings.ReplaceAll(m.state(), "running", "stopped"); got != strings.ReplaceAll(before, "running", "stopped") {
			t.Errorf("%s: got %s; want %s", test.name, got, before)
		}
	}
	out := does(t, newRuntime(), args{"name": "web", "image": "x", "settle": "10ms"})
	if out.Data["running"] != true {
		t.Errorf("got %v; want one that keeps running", out.Data)
	}
}
