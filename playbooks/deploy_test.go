package playbooks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory"
	"netrun/playbooks/script"
)

const deployDescriptor = `
IdPrefix: shop-
Containers:
- {Name: web, Count: 2, Image: "{{ no template }}", PublicPorts: [{Internal: 80, External: 8080}], Links: [{To: db}],
   Environment: [{Name: MOTD, Value: "{{ .not_a_template }}"}]}
- {Name: db, Count: 1, Image: postgres, PublicPorts: [{Internal: 5432}]}
`

// deployed loads and compiles a playbook beside a descriptor on three hosts.
func deployed(t *testing.T, files map[string]string) (*Playbook, *Compiled, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hosts := filepath.Join(t.TempDir(), "hosts.ini")
	text := "[nodes]\nnode1 node_address=198.18.1.1\nnode2 node_address=198.18.1.2\nnode3 node_address=198.18.1.3\n"
	if err := os.WriteFile(hosts, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(t.Context(), []string{hosts}, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	book, err := Load(filepath.Join(dir, "site.yaml"), Options{Inventory: inv})
	if err != nil {
		return nil, nil, err
	}
	list, err := book.Plays[0].Match(inv, "")
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := book.Plays[0].Compile(list, CompileOptions{Inventory: inv})
	return book, compiled, err
}

// outline is the tasks of a host: their kind, and what each round is about.
func outline(s *script.Script) []string {
	var out []string
	for i, segment := range s.Segments {
		for _, n := range segment {
			line := fmt.Sprintf("%d %s", i, n.Kind)
			for _, c := range n.Cases {
				args, _ := c.Args.V.(map[string]any)
				line += fmt.Sprintf(" %v", c.Item.V)
				for _, name := range []string{"state", "pairs"} {
					if args[name] != nil && args[name] != "present" {
						line += fmt.Sprintf(" %s=%v", name, args[name])
					}
				}
				links, _ := args["links"].([]any)
				for _, l := range links {
					m := l.(map[string]any)
					line += fmt.Sprintf(" %v:%v->%v/%v:%v", m["from"], m["from_port"], m["to"], m["container"], m["to_port"])
				}
			}
			out = append(out, line)
		}
	}
	return out
}

func TestDeployUnfolds(t *testing.T) {
	const play = "- hosts: nodes\n  tasks:\n    - deploy: {descriptor: shop.yaml, hosts: [node1, node2]}\n      register: shop\n    - debug: {msg: '{{ .shop.instances }}'}\n"
	book, compiled, err := deployed(t, map[string]string{"site.yaml": play,
		"shop.yaml": strings.ReplaceAll(deployDescriptor, "{{ no template }}", "nginx")})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"node1": {"0 container shop-web-1 state=started shop-db-1 state=started", "0 publish shop-web-1 pairs=80:8080 shop-db-1 pairs=5432:0", "0 container_info",
			"1 link shop-web-1 127.0.0.1:5432->198.18.1.1/shop-db-1:5432 shop-db-1", "2 deploy", "2 debug"},
		"node2": {"0 container shop-web-2 state=started", "0 publish shop-web-2 pairs=80:8080", "0 container_info",
			"1 link shop-web-2 127.0.0.1:5432->198.18.1.1/shop-db-1:5432", "2 deploy", "2 debug"},
		"node3": {"0 container", "0 publish", "0 container_info", "1 link", "2 deploy", "2 debug"},
	}
	for host, lines := range want {
		if diff := cmp.Diff(lines, outline(compiled.Scripts[host])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", host, diff)
		}
	}
	if len(book.Deployments) != 1 || book.Deployments[0].Name != "shop" || book.Deployments[0].Play != 0 || book.Deployments[0].Keeps() {
		t.Errorf("got deployments %+v; want shop, of play 0, that is not saved", book.Deployments)
	}
	// No text of a descriptor is a template.
	args := compiled.Scripts["node1"].Segments[0][0].Cases[0].Args.V.(map[string]any)
	if motd := args["env"].(map[string]any)["MOTD"]; motd != "{{ .not_a_template }}" {
		t.Errorf("MOTD: got %v; want the descriptor's own text", motd)
	}
}

const deployedInstances = `
Containers:
- {Name: web, Count: 1, Image: nginx, PublicPorts: [{Internal: 80}]}
Instances:
- {Id: web-1, Image: nginx, From: web, On: node1, Ports: [{Internal: 80, External: 4000}]}
- {Id: web-2, Image: nginx, From: web, On: node3, Ports: [{Internal: 80, External: 4001}]}
`

func TestDeployedStates(t *testing.T) {
	for state, want := range map[string][]string{
		"absent":    {"0 publish web-2 state=absent", "0 container web-2 state=absent", "0 container_info", "1 deploy"},
		"stopped":   {"0 container web-2 state=stopped", "0 container_info", "1 deploy"},
		"restarted": {"0 container web-2 state=restarted", "0 publish web-2 pairs=80:4001", "0 container_info", "1 link web-2", "2 deploy"},
		"started":   {"0 container web-2 state=started", "0 publish web-2 pairs=80:4001", "0 container_info", "1 link web-2", "2 deploy"},
		"info":      {"0 container_info", "1 deploy"},
	} {
		play := "- hosts: nodes\n  tasks:\n    - deploy: {deployed: d.yaml, state: " + state + ", env_file: d.yaml}\n"
		_, compiled, err := deployed(t, map[string]string{"site.yaml": play, "d.yaml": deployedInstances})
		if err != nil {
			t.Errorf("%s: %v", state, err)
			continue
		}
		if diff := cmp.Diff(want, outline(compiled.Scripts["node3"])); diff != "" {
			t.Errorf("%s on node3 (-want +got):\n%s", state, diff)
		}
		// What is only started is not made anew: what it was made from is not all known.
		for _, c := range compiled.Scripts["node3"].Segments[0][0].Cases {
			if args := c.Args.V.(map[string]any); args["image"] != nil || args["env"] != nil {
				t.Errorf("%s: got arguments %v; want none to make the container from", state, args)
			}
		}
	}
}

// TestDeployScalesDown has the descriptor's count, and not that of the instances.
func TestDeployScalesDown(t *testing.T) {
	const play = "- hosts: nodes\n  tasks:\n    - deploy: {descriptor: d.yaml}\n"
	book, compiled, err := deployed(t, map[string]string{"site.yaml": play, "d.yaml": deployedInstances})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"0 publish web-2 state=absent", "0 container web-2 state=absent", "0 container", "0 publish", "0 container_info", "1 link", "2 deploy"}
	if diff := cmp.Diff(want, outline(compiled.Scripts["node3"])); diff != "" {
		t.Errorf("node3 (-want +got):\n%s", diff)
	}
	exports := map[string]any{book.Deployments[0].register: map[string]any{"containers": map[string]any{"web-1": map[string]any{"ports": map[string]any{"80/tcp": 4007}}}}}
	if err := book.Deployments[0].Note("node1", exports); err != nil {
		t.Fatal(err)
	}
	if text := string(book.Deployments[0].Plan.Deployed.Text()); !strings.Contains(text, `"External": 4007`) || strings.Contains(text, "web-2") {
		t.Errorf("got %s; want port 4007 of web-1, and no web-2", text)
	}
}

func TestDeployMistakes(t *testing.T) {
	for want, c := range map[string][2]string{
		"d.yaml:2:23: deployment: target db not found for source web":          {"descriptor: d.yaml", "Containers:\n- {Name: web, Links: [{To: db}], Count: 1, Image: x}\n"},
		`d.yaml:2:3: instance webb-1: image: "-x" is not the name of an image`: {"descriptor: d.yaml", "Containers:\n- {Name: webb, Count: 1, Image: '-x'}\n"},
		"d.yaml:2:3: instance webb-1: an instance without an image":            {"descriptor: d.yaml", "Containers:\n- {Name: webb, Count: 1}\n"},
		"Image name and container id must not be the same: webb-1":             {"descriptor: d.yaml", "Containers:\n- {Name: webb, Count: 1, Image: webb-1}\n"},
		`site.yaml:3:43: host pattern "node9" is no host and no group`:         {"descriptor: d.yaml, hosts: node9", "Containers: []\n"},
		`descriptor: which deployment? give its descriptor`:                    {"state: started", ""},
		"There are no deployed instances listed in d.yaml":                     {"deployed: d.yaml, state: stopped", "Containers: []\n"},
		"localhost among other hosts: it is another one for each of them":      {"descriptor: d.yaml, hosts: [localhost, node1], partial: true", "Containers: []\n"},
		"read descriptor: open": {"descriptor: none.yaml", ""},
		"d.yaml:2:3: port 80 of host node1 is wanted by webb-1 and by webb-2": {"descriptor: d.yaml, hosts: node1", "Containers:\n- {Name: webb, Count: 2, Image: x, PublicPorts: [{Internal: 1, External: 80}]}\n"},
		"host node3 is none of this play's hosts":                             {"descriptor: d.yaml, hosts: node3", "Containers: []\n"},
	} {
		play := "- hosts: nodes:!node3\n  tasks:\n    - deploy: {" + c[0] + "}\n"
		_, _, err := deployed(t, map[string]string{"site.yaml": play, "d.yaml": c[1]})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("deploy: {%s}: got error %v; want one with %q", c[0], err, want)
		}
	}
}

func TestDeploymentName(t *testing.T) {
	for file, want := range map[string]string{"redis.json": "redis", "a/b/redis.yaml.20260102-150405": "redis", "https://x.example/d.yml": "d", "plain": "plain",
		"redis.deployed.json": "redis", "redis.deployed": "redis", "redis.descriptor.yaml": "redis", "redis.descriptor.yaml.20260102-150405": "redis"} {
		if got := DeploymentName(file); got != want {
			t.Errorf("%s: got %q; want %q", file, got, want)
		}
	}
}
