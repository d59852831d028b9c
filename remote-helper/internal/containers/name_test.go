package containers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMatch(t *testing.T) {
	compose := func(project, service, number, oneoff string) map[string]string {
		return map[string]string{"com.docker.compose.project": project, "com.docker.compose.service": service,
			"com.docker.compose.container-number": number, "com.docker.compose.oneoff": oneoff}
	}
	all := []summary{
		{runtime: Docker, id: "aaaa1111", name: "web"},
		{runtime: Docker, id: "aaaa2222", name: "db"},
		{runtime: Docker, id: "bbbb3333", name: "aaaa"},
		{runtime: Podman, id: "cccc4444", name: "web"},
		{runtime: Podman, user: "alice", id: "dddd5555", name: "web"},
		{runtime: Podman, user: "alice", id: "dddd6666", name: "own"},
		{runtime: Docker, id: "eeee0001", name: "shop-api-1", labels: compose("shop", "api", "1", "False")},
		{runtime: Docker, id: "eeee0002", name: "shop-api-2", labels: compose("shop", "api", "2", "False")},
		{runtime: Docker, id: "eeee0003", name: "shop-cache-7", labels: compose("shop", "cache", "7", "False")},
		{runtime: Docker, id: "eeee0004", name: "shop-cache-run-1", labels: compose("shop", "cache", "1", "True")},
		{runtime: Podman, id: "ffff0001", name: "old_api_1", labels: map[string]string{
			"io.podman.compose.project": "old", "io.podman.compose.service": "api", "com.docker.compose.container-number": "1"}},
	}
	for _, test := range []struct{ name, want string }{
		{"web", "aaaa1111 cccc4444 dddd5555"},
		{"docker:web", "aaaa1111"},
		{"podman:web", "cccc4444"}, // root's first
		{"podman:root@web", "cccc4444"},
		{"podman:alice@web", "dddd5555"},
		{"podman:bob@web", ""},
		{"podman:own", "dddd6666"},
		{"own", "dddd6666"},
		{"docker:own", ""},
		{"db", "aaaa2222"},
		{"aaaa", "bbbb3333"}, // a name wins over an id
		{"aaaa1", "aaaa1111"},
		{"aaa", ""}, // too short for an id
		{"eeee", "eeee0001 eeee0002 eeee0003 eeee0004"},
		{"AAAA1", ""},
		{"podman:aaaa1", ""},
		{"shop/api", "eeee0001 eeee0002"},
		{"shop/api/2", "eeee0002"},
		{"shop/api/3", ""},
		{"shop/cache", "eeee0003"}, // the only replica, whatever its number
		{"docker:shop/api/1", "eeee0001"},
		{"podman:shop/api/1", ""},
		{"old/api", "ffff0001"},
		{"old/api/1", "ffff0001"},
		{"nosuch", ""},
	} {
		w, err := parseName(test.name)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var got []string
		for _, s := range w.match(all) {
			got = append(got, s.id)
		}
		if diff := cmp.Diff(strings.Fields(test.want), got, cmp.Transformer("join", func(s []string) string { return strings.Join(s, " ") })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestBadNames(t *testing.T) {
	for name, want := range map[string]string{
		"":             "a name is missing",
		"docker:":      "a name is missing",
		"podman:al@":   "a name is missing",
		"a//b":         "a name is missing",
		"a/b/x":        `"x" is not the number of a replica`,
		"a/b/1/2":      "want PROJECT/SERVICE",
		"rkt:web":      `"rkt" is no runtime`,
		"docker:/proc": "a name is missing",
	} {
		if _, err := parseName(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want one with %q", name, err, want)
		}
	}
}

func TestScope(t *testing.T) {
	for _, test := range []struct {
		c    Container
		want string
	}{
		{Container{Runtime: Docker, Name: "web"}, "docker:web"},
		{Container{Runtime: Podman, Name: "web"}, "podman:web"},
		{Container{Runtime: Podman, User: "alice", Name: "web"}, "podman:alice@web"},
	} {
		if got := test.c.Scope(); string(got) != test.want {
			t.Errorf("%+v: got scope %s, want %s", test.c, got, test.want)
		}
	}
}
