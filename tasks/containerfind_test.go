package tasks_test

import (
	"strings"
	"testing"
)

var (
	dockers = fakeBox{runtime: "docker", name: "web", labels: ours}
	podmans = fakeBox{runtime: "podman", name: "web", labels: ours}
	cutOff  = fakeBox{runtime: "podman", name: "web.netrun-old", labels: ours}
)

var findCases = []struct {
	name  string
	there []fakeBox
	args  args
	by    string // the program that does it, "" where nothing is to be done
	asked bool   // podman is
}{
	{"docker's, started", []fakeBox{dockers}, args{"name": "web"}, "docker", false},
	{"docker's, with an image", []fakeBox{dockers}, args{"name": "web", "image": "x"}, "docker", false},
	{"docker's, absent", []fakeBox{dockers}, args{"name": "web", "state": "absent"}, "docker", false},
	{"podman's, started", []fakeBox{podmans}, args{"name": "web"}, "podman", true},
	{"podman's, restarted", []fakeBox{podmans}, args{"name": "web", "state": "restarted"}, "podman", true},
	{"podman's, stopped", []fakeBox{podmans}, args{"name": "web", "state": "stopped"}, "", true},
	{"podman's, with an image", []fakeBox{podmans}, args{"name": "web", "image": "x"}, "podman", true},
	{"podman's, absent", []fakeBox{podmans}, args{"name": "web", "state": "absent"}, "podman", true},
	{"podman's, cut off, absent", []fakeBox{cutOff}, args{"name": "web", "state": "absent"}, "podman", true},
	{"podman's, cut off, with an image", []fakeBox{cutOff}, args{"name": "web", "image": "x"}, "podman", true},
	{"podman's, docker asked for", []fakeBox{podmans}, args{"name": "web", "runtime": "docker", "state": "absent"}, "", false},
	{"neither's, with an image", nil, args{"name": "web", "image": "x"}, "docker", true},
	{"neither's, present", nil, args{"name": "web", "image": "x", "state": "present"}, "docker", true},
	{"neither's, absent", nil, args{"name": "web", "state": "absent"}, "", true},
}

// TestContainerFound: with both runtimes installed, auto takes the one that has the
// container, and asks podman only where Docker has none.
func TestContainerFound(t *testing.T) {
	for _, test := range findCases {
		t.Run(test.name, func(t *testing.T) {
			m := newRuntime(test.there...)
			m.has = []string{"docker", "podman"}
			a := act(t, "container", test.args)
			needed, err := a.Needed(t.Context(), m)
			if err != nil || (needed == "") != (test.by == "") {
				t.Fatalf("needed: got %q, %v; want something: %v", needed, err, test.by != "")
			}
			if asked := strings.Contains(strings.Join(m.all, "\n"), "podman"); asked != test.asked {
				t.Errorf("podman is asked: got %v, want %v: %s", asked, test.asked, strings.Join(m.all, "; "))
			}
			out, err := a.Do(t.Context(), m)
			if err != nil || out.Changed != (test.by != "") || out.Changed && out.Data["runtime"] != test.by {
				t.Errorf("done: got %v, %v, %v; want it by %q", out.Changed, out.Data["runtime"], err, test.by)
			}
			for _, line := range m.ran {
				if !strings.HasPrefix(line, test.by+" ") {
					t.Errorf("ran %s; want %s", line, test.by)
				}
			}
		})
	}
}

// TestContainerPodmanBroken: a podman that does not work matters only where Docker has
// no such container, and none is to be made.
func TestContainerPodmanBroken(t *testing.T) {
	for _, test := range []struct {
		name  string
		there []fakeBox
		args  args
		want  string // "" for no error
	}{
		{"docker's", []fakeBox{dockers}, args{"name": "web", "state": "absent"}, ""},
		{"create", nil, args{"name": "web", "image": "x"}, ""},
		{"absent", nil, args{"name": "web", "state": "absent"}, "it went wrong (runtime: docker asks Docker alone)"},
		{"no image", nil, args{"name": "web"}, "it went wrong"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newRuntime(test.there...)
			m.has, m.fails = []string{"docker", "podman"}, "podman "
			_, err := act(t, "container", test.args).Do(t.Context(), m)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}
