package tasks_test

import (
	"strings"
	"testing"

	"netrun/tasks"
)

func TestContainerMistakes(t *testing.T) {
	for _, test := range []struct {
		kind string
		args args
		want string // "" for none
	}{
		{"container", args{"name": "web", "image": "nginx:1.27"}, ""},
		{"container", args{"name": "web", "image": "registry.lan:5000/a/b@sha256:00", "restart": "on-failure:3", "network": "container:db"}, ""},
		{"container", args{"name": "web", "state": "absent"}, ""},
		{"container", args{"name": "-rf", "image": "x"}, `"-rf" is not the name of a container`},
		{"container", args{"name": "a b", "image": "x"}, "is not the name of a container"},
		{"container", args{"name": "web", "image": "--privileged"}, `"--privileged" is not the name of an image`},
		{"container", args{"name": "web", "image": "x y"}, "is not the name of an image"},
		{"container", args{"name": "web", "image": "x", "network": "--pid=host"}, "is not the name of a network"},
		{"container", args{"name": "web", "image": "x", "restart": "sometimes"}, `"sometimes" is not one of no, always`},
		{"container", args{"name": "web", "image": "x", "restart": "always:3"}, `"always:3" is not one of`},
		{"container", args{"name": "web", "env": args{"A": "1"}}, "env is for making the container: give its image too"},
		{"container", args{"name": "web", "image": "x", "env": args{"A": "1\n2"}}, "the value has several lines"},
		{"container", args{"name": "web", "image": "x", "env": args{"A B": "1"}}, `"A B" is not the name of a variable`},
		{"container", args{"name": "web", "image": "x", "labels": args{"netrun.owner": "me"}}, `"netrun.owner" cannot be the name of a label here`},
		{"container", args{"name": "web", "image": "x", "volumes": []any{"/a:/b\n"}}, "is nothing that the runtimes take"},
		{"container", args{"name": "web", "image": "x", "command": "sh -c 'x"}, "quote"},
		{"container", args{"name": "web", "image": "x", "user": "alice", "runtime": "docker"}, "with podman only"},
		{"container", args{"name": "web", "image": "x", "state": "running"}, "is not one of present, started"},
		{"container", args{"name": "web", "group": "shop", "settle": "5s", "state": "restarted"}, ""},
		{"container", args{"name": "web", "image": "x", "group": "a\nb"}, "has no place there"},
		{"container", args{"name": "web", "image": "x", "settle": "soon"}, `"soon" is not a duration`},
		{"image", args{"name": "x", "src": "x.tar", "import": true}, ""},
		{"image", args{"name": "x", "src": "x.tar", "path": "/x.tar"}, "give either src or path"},
		{"image", args{"name": "x", "import": true}, "which archive? give src or path"},
		{"image", args{"name": "x", "path": "/x.tar", "state": "latest"}, "latest is for images that are pulled"},
		{"image", args{"name": "x@sha256:00", "path": "/x.tar"}, "names a digest"},
	} {
		_, err := decode(test.kind, test.args)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %v: got error %v, want %q", test.kind, test.args, err, test.want)
		}
	}
}

// TestContainerSecrets: no value of env is in what is run but for its standard input.
func TestContainerSecrets(t *testing.T) {
	m := &equipped{has: []string{"docker"}}
	a := act(t, "container", args{"name": "web", "image": "x", "env": args{"TOKEN": "s3cret"}})
	m.answers = missing("docker inspect --type=container web")
	if _, err := a.Do(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(m.ran, "\n")
	if !strings.Contains(all, "docker create --name=web") || strings.Contains(all, "s3cret") {
		t.Errorf("ran:\n%s\nwant docker create, without the secret", all)
	}
}

// missing answers as docker does where there is no such thing.
func missing(lines ...string) map[string]tasks.Output {
	out := map[string]tasks.Output{}
	for _, line := range lines {
		out[line] = tasks.Output{Status: 1, Stdout: "[]\n", Stderr: "Error: No such container: web\n"}
	}
	return out
}
