package inventory

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const matchSample = "lone\n[web]\nweb[1:4]\n[db]\ndb1\ndb2\nweb4\n[old]\nweb1\n[empty]\n[dc:children]\nweb\ndb\n"

func TestMatch(t *testing.T) {
	inv := loadText(t, "hosts", matchSample)
	limit := filepath.Join(tree(t, map[string]string{"retry": "# who\nweb2\n\ndb\n"}), "retry")
	for pattern, want := range map[string]string{
		"all": "lone web1 web2 web3 web4 db1 db2", "*": "lone web1 web2 web3 web4 db1 db2",
		"web": "web1 web2 web3 web4", "db1": "db1", "web:db": "web1 web2 web3 web4 db1 db2", "db,lone": "db1 db2 web4 lone",
		"web:&db": "web4", "&db:web": "web4", "web:!old": "web2 web3 web4", "!old:web:&dc": "web2 web3 web4", "!web": "lone db1 db2",
		"web[0]": "web1", "web[-1]": "web4", "web[1:2]": "web2 web3", "web[2:]": "web3 web4", "web[0:99]": "web1 web2 web3 web4", "all:!web[0:2]": "lone web4 db1 db2",
		"web?": "web1 web2 web3 web4", "w*[0]": "web1", "db[!1]": "db2", "~(web|db)2": "web2 db2", "~^d": "db1 db2 web4 web1 web2 web3",
		"all:!nothing*": "lone web1 web2 web3 web4 db1 db2", "empty": "", "@" + limit: "web2 db1 db2 web4", "web:&@" + limit: "web2 web4",
		"localhost": "localhost", "ungrouped": "lone", " web1 , db1 ": "web1 db1", "127.0.0.1,::1": "localhost", "web1,web1:web": "web1 web2 web3 web4",
	} {
		hosts, err := inv.Match(pattern)
		if err != nil {
			t.Errorf("Match(%q): %v", pattern, err)
			continue
		}
		if diff := cmp.Diff(want, strings.Join(names(hosts), " ")); diff != "" {
			t.Errorf("Match(%q) (-want +got):\n%s", pattern, diff)
		}
	}
}

func TestMatchErrors(t *testing.T) {
	inv := loadText(t, "hosts", matchSample)
	for pattern, want := range map[string]string{
		"wbe": `host pattern "wbe" is no host and no group (did you mean "web"?)`, "web:!wbe1": `did you mean "web1"?`, "x*": "matches no host and no group",
		"web[9]": `"web" has 4 hosts`, "empty[0]": "has 0 hosts", "~(": "missing closing", "": "names nothing", " , ": "names nothing", "!": "a name is missing",
		"@/nonexistent": "no such file", "~zzz": "matches no host",
	} {
		if _, err := inv.Match(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Match(%q): got %v; want %q", pattern, err, want)
		}
	}
}

func TestImplicitLocalhost(t *testing.T) {
	inv := loadText(t, "hosts", "a\n[all:vars]\nx=1\n")
	hosts, err := inv.Match("localhost")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"x": 1, "ansible_connection": "local"}, values(hosts[0])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c, err := hosts[0].Connection(); err != nil || c.Type != "local" {
		t.Errorf("connection: got %v, %v; want local", c, err)
	}
	if inv.Host("localhost") != nil || len(inv.Hosts()) != 1 {
		t.Error("the implicit localhost is among the hosts")
	}
	own := loadText(t, "hosts", "localhost x=2\n")
	if hosts, _ := own.Match("localhost"); hosts[0] != own.Host("localhost") {
		t.Error("got the implicit localhost; want the inventory's")
	}
}

func TestGraph(t *testing.T) {
	var b bytes.Buffer
	if err := loadText(t, "hosts", "lone\n[web]\nw1 ansible_password=geheim\n[dc:children]\nweb\n").Graph(&b); err != nil {
		t.Fatal(err)
	}
	want := "@all:\n  |--@ungrouped:\n  |  |--lone\n  |--@dc:\n  |  |--@web:\n  |  |  |--w1\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGraphIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, "[g%d:children]\nl%d\nr%d\n[l%d:children]\ng%d\n[r%d:children]\ng%d\n", i, i, i, i, i+1, i, i+1)
	}
	b.WriteString("[g30]\nh\n")
	if err := loadText(t, "hosts", b.String()).Graph(&bytes.Buffer{}); err == nil {
		t.Error("no error for 2^30 lines")
	}
}

func TestListMasksSecrets(t *testing.T) {
	inv := loadText(t, "h.yaml", "web:\n  hosts:\n    w1: {ansible_ssh_pass: geheim, x: {api_token: geheim, y: .inf}, l: [1, {db_password: geheim}]}\n")
	want := map[string]any{
		"all": map[string]any{"children": []string{"ungrouped", "web"}},
		"web": map[string]any{"hosts": []string{"w1"}},
		"_meta": map[string]any{"hostvars": map[string]any{"w1": map[string]any{
			"ansible_ssh_pass": "********", "x": map[string]any{"api_token": "********", "y": "+Inf"}, "l": []any{1, map[string]any{"db_password": "********"}}}}},
	}
	if diff := cmp.Diff(want, inv.List()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzMatch(f *testing.F) {
	inv := loadText(f, "hosts", matchSample)
	for _, s := range []string{"web:&db:!old", "~w.*[0]", "web[0:2]", "w[a-f]*", "db[!1]", "a,b", "!", "[", "::1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if strings.Contains(pattern, "@") {
			return // reads files
		}
		hosts, err := inv.Match(pattern)
		if seen := map[*Host]bool{}; err == nil {
			for _, h := range hosts {
				if seen[h] {
					t.Errorf("%s twice", h.name)
				}
				seen[h] = true
			}
		}
	})
}
