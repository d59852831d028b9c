package inventory

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory/diag"
)

const sample = `# a comment
lone ansible_host=10.0.0.9

[web]
web[01:03]:2222 role="front end" weight=5
; another
[db]
db1 tags="['a', 'b']" ok=True # trailing
db2

[site:children]
web
db

[site:vars]
mtu=1400
zone = north 1
ports=80,443

[db:vars]
mtu=9000
`

func TestINI(t *testing.T) {
	inv := loadText(t, "hosts", sample)
	if diff := cmp.Diff("lone web01 web02 web03 db1 db2", strings.Join(names(inv.Hosts()), " ")); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	for host, want := range map[string]map[string]any{
		"lone":  {"ansible_host": "10.0.0.9"},
		"web02": {"ansible_port": 2222, "role": "front end", "weight": 5, "mtu": 1400, "zone": "north 1", "ports": []any{80, 443}},
		"db1":   {"tags": []any{"a", "b"}, "ok": true, "mtu": 9000, "zone": "north 1", "ports": []any{80, 443}},
	} {
		if diff := cmp.Diff(want, values(inv.Host(host))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", host, diff)
		}
	}
	if diff := cmp.Diff([]string{"db", "site"}, inv.Host("db1").Groups()); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ungrouped"}, inv.Host("lone").Groups()); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

func TestPositionsOfVars(t *testing.T) {
	inv := loadText(t, "hosts", sample)
	for _, tt := range []struct {
		host, name string
		line, col  int
		from       string
	}{
		{"web01", "weight", 5, 41, `host "web01"`},
		{"web03", "ansible_port", 5, 1, `host "web03"`},
		{"db1", "mtu", 21, 5, `group "db"`},
		{"db1", "zone", 17, 8, `group "site"`},
	} {
		v := inv.Host(tt.host).Vars()[tt.name]
		if v.Pos.Line != tt.line || v.Pos.Col != tt.col || v.From != tt.from {
			t.Errorf("%s of %s: got %d:%d from %s; want %d:%d from %s", tt.name, tt.host, v.Pos.Line, v.Pos.Col, v.From, tt.line, tt.col, tt.from)
		}
	}
}

func TestYAMLAndJSON(t *testing.T) {
	yaml := "all:\n  hosts:\n    lone:\n  vars: {mtu: 1500}\n  children:\n    web:\n      hosts:\n        web[1:2]:22: {x: yes}\n      vars:\n        mtu: 1400\n    empty:\n    one:\n      hosts: single\n"
	json := `{"web": {"hosts": ["web1", "web2"], "vars": {"mtu": 1400}}, "lone": ["lone"], "_meta": {"hostvars": {"web1": {"x": true}}}}`
	for name, text := range map[string]string{"site.yaml": yaml, "hosts": yaml, "site.json": json, "plain": json} {
		inv := loadText(t, name, text)
		if got := values(inv.Host("web1")); got["x"] != true || got["mtu"] != 1400 {
			t.Errorf("%s: vars of web1: got %v; want x true and mtu 1400", name, got)
		}
		if inv.Host("lone") == nil || len(inv.Group("web").Hosts()) != 2 {
			t.Errorf("%s: got hosts %v", name, names(inv.Hosts()))
		}
	}
	if inv := loadText(t, "site.yaml", yaml); inv.Host("web2").Vars()["ansible_port"].Value != 22 || inv.Host("single") == nil || inv.Group("empty") == nil {
		t.Error("port, single host or empty group is missing")
	}
}

func TestPrecedence(t *testing.T) {
	dir := tree(t, map[string]string{
		"inv/hosts":                  "[parent:children]\nchild\n[child]\nh a=host b=host\n[parent:vars]\nd=file\ne=file\n[all:vars]\nf=file\n[low]\nh\n[low:vars]\nansible_group_priority=10\n",
		"inv/group_vars/all":         "a: all\nb: all\nc: all\nd: all\nf: all\n",
		"inv/group_vars/parent":      "c: parent\ng: parent\nh: parent\n",
		"inv/group_vars/child/1.yml": "g: child1\nh: child\n",
		"inv/group_vars/child/2.yml": "g: child2\n",
		"inv/group_vars/low.json":    `{"g": "low", "i": "low"}`,
		"inv/group_vars/.x.yml":      "g: hidden\n",
		"inv/host_vars/h.yml":        "b: hostvars\n",
		"play/group_vars/all.yaml":   "e: playall\n",
		"play/group_vars/child":      "h: playchild\n",
		"play/host_vars/h.yaml":      "j: play\n",
	})
	inv, err := Load(context.Background(), []string{filepath.Join(dir, "inv/hosts")}, Options{PlaybookDir: filepath.Join(dir, "play")})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"a": "host", "b": "hostvars", "c": "parent", "d": "all", "e": "playall", "f": "all",
		"g": "child2", "h": "playchild", "i": "low", "j": "play",
	}
	if diff := cmp.Diff(want, values(inv.Host("h"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDirectory(t *testing.T) {
	dir := tree(t, map[string]string{
		"01-hosts": "[web]\nw1 x=1\n", "02.yaml": "web: {hosts: {w1: {x: 2}, w2: }}", "sub/more": "w3\n", "hosts.bak": "[bad", "x.ini.orig": "[bad",
		"a~": "[bad", "a.retry": "[bad", "a.pyc": "[bad", ".hidden": "[bad", "group_vars/web": "y: 1\n", "host_vars/w2.yml": "z: 1\n",
	})
	inv := load(t, dir, "w4,w5:23,")
	if diff := cmp.Diff("w3 w4 w5 w1 w2", strings.Join(names(inv.Hosts()), " ")); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"x": 2, "y": 1}, values(inv.Host("w1"))); diff != "" {
		t.Errorf("w1 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"z": 1, "y": 1}, values(inv.Host("w2"))); diff != "" {
		t.Errorf("w2 (-want +got):\n%s", diff)
	}
}

func TestLoadErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		files  map[string]string
		source string
		want   string
	}{
		"absent":         {nil, "none", "no such inventory (a file, a directory, or a list of hosts with a comma"},
		"ini in dir":     {map[string]string{"inv/hosts.ini": "a\n"}, "inv", "hosts.ini is not read (in a directory .ini files"},
		"not executable": {map[string]string{"inv.py": "#!/usr/bin/python3\n"}, "inv.py", "a script that is not executable (chmod +x"},
		"vault":          {map[string]string{"h": "a\n", "group_vars/all": "$ANSIBLE_VAULT;1.1;AES256\n"}, "h", "group_vars/all:1:1: encrypted by Ansible's vault"},
		"vars list":      {map[string]string{"h": "a\n", "host_vars/a.yml": "- x\n"}, "h", `host_vars/a.yml:1:1: the variables of host "a" are a list`},
		"loop of links":  {map[string]string{"d/a/b/c/d/e/f/g/h/i/j/k": "x\n"}, "d", "nested more than 8 deep"},
	} {
		dir := tree(t, tt.files)
		_, err := Load(context.Background(), []string{filepath.Join(dir, tt.source)}, Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v; want %q", name, err, tt.want)
		}
	}
}

func TestManyHosts(t *testing.T) {
	inv := loadText(t, "hosts", "[a]\nh[000000:099999] x=1\n[b:children]\na\n[b:vars]\ny=2\n")
	hosts, err := inv.Match("b:!h00*")
	if err != nil || len(hosts) != 90000 {
		t.Fatalf("got %d hosts, %v; want 90000", len(hosts), err)
	}
	if diff := cmp.Diff(map[string]any{"x": 1, "y": 2}, values(hosts[89999])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzINI(f *testing.F) {
	f.Add(sample)
	f.Add("[a:children]\na\n")
	f.Add("h[1:3] x='\n[v:vars]\n=\n")
	f.Fuzz(func(t *testing.T, text string) { fuzzLoad(t, text, (*loader).ini) })
}

func FuzzYAML(f *testing.F) {
	f.Add("all: {hosts: {a: , b: {x: 1}}, children: {c: {hosts: {'d[1:2]': }}}}")
	f.Add(`{"g": ["a"], "_meta": {"hostvars": {"a": {}}}}`)
	f.Fuzz(func(t *testing.T, text string) { fuzzLoad(t, text, (*loader).yaml) })
}

func fuzzLoad(t *testing.T, text string, read func(*loader, string, []byte)) {
	l := loader{ctx: context.Background(), inv: newInventory()}
	read(&l, "f", []byte(text))
	l.inv.settle(&l.errs)
	if err := l.errs.Err(); err != nil {
		var d *diag.Error
		if !errors.As(err, &d) || d.Pos.File != "f" || d.Pos.Line == 0 {
			t.Errorf("error without a place: %v", err)
		}
		return
	}
	for i, h := range l.inv.Hosts() {
		if i == 100 {
			break
		}
		if len(h.Groups()) == 0 && len(h.direct) == 0 {
			t.Errorf("host %q is in no group", h.name)
		}
		_ = fmt.Sprint(h.Vars())
	}
}
