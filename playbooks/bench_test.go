package playbooks

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netrun/inventory"
	"netrun/playbooks/script"
	"netrun/tasks/state"
)

// twelve is a play of twelve network tasks with variables of the host.
const twelve = `
- hosts: all
  vars: {bridge: lbr0, gateway: "{{ .subnet | nthhost 1 }}"}
  tasks:
    - bridge: {name: "{{ .bridge }}"}
    - address: {dev: "{{ .bridge }}", address: "{{ .gateway }}/24"}
    - sysctl: {name: net.ipv4.ip_forward, value: 1}
    - netns: {name: web}
    - static_ip: {netns: web, bridge: "{{ .bridge }}", addresses: ["{{ .subnet | nthhost 10 }}/24"], gateway: "{{ .gateway }}"}
    - netns: {name: db}
    - static_ip: {netns: db, bridge: "{{ .bridge }}", addresses: ["{{ .subnet | nthhost 11 }}/24"], gateway: "{{ .gateway }}"}
    - route: {to: 10.0.0.0/8, via: 192.168.2.2}
    - veth: {name: va, peer: vb}
      when: inventory_hostname != "host1"
    - sysctl: {name: net.ipv4.conf.all.rp_filter, value: 2}
    - copy: {dest: /etc/motd, content: "{{ .inventory_hostname }} of {{ len .groups.all }}\n"}
    - command: {cmd: "echo {{ .gateway }}", probe: true}
      register: out
`

func bigInventory(tb testing.TB, hosts int) *inventory.Inventory {
	tb.Helper()
	var ini strings.Builder
	ini.WriteString("[nodes]\n")
	for i := 1; i <= hosts; i++ {
		fmt.Fprintf(&ini, "host%d subnet=10.%d.%d.0/24\n", i, i/250, i%250)
	}
	path := filepath.Join(tb.TempDir(), "inventory.ini")
	if err := os.WriteFile(path, []byte(ini.String()), 0o644); err != nil {
		tb.Fatal(err)
	}
	inv, err := inventory.Load(tb.Context(), []string{path}, inventory.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return inv
}

func loadText(tb testing.TB, text string) (*Playbook, error) {
	tb.Helper()
	return Load("site.yaml", Options{ReadFile: func(path string) ([]byte, error) {
		if path == "site.yaml" {
			return []byte(text), nil
		}
		return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
	}})
}

// BenchmarkCompile compiles twelve tasks for 50 hosts.
func BenchmarkCompile(b *testing.B) {
	inv := bigInventory(b, 50)
	book, err := loadText(b, twelve)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := book.Plays[0].Compile(inv.Hosts(), CompileOptions{Inventory: inv}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoop runs a loop of 100 rounds, whose items only the host knows.
func BenchmarkLoop(b *testing.B) {
	inv := bigInventory(b, 1)
	book, err := loadText(b, `
- hosts: all
  tasks:
    - set_fact: {list: "{{ split \",\" \"`+strings.Repeat("x,", 99)+`x\" }}", n: 1}
    - set_fact: {all: "{{ list .list .n }}"}
    - sysctl: {name: "net.ipv4.conf.{{ .item }}{{ .i }}.rp_filter", value: 2}
      loop: "{{ index .all 0 }}"
      loop_control: {index_var: i}
      when: item == "x" and n == 1
      register: r
`)
	if err != nil {
		b.Fatal(err)
	}
	compiled, err := book.Plays[0].Compile(inv.Hosts(), CompileOptions{Inventory: inv})
	if err != nil {
		b.Fatal(err)
	}
	raw, err := json.Marshal(compiled.Scripts["host1"])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var s script.Script
		if err := json.Unmarshal(raw, &s); err != nil {
			b.Fatal(err)
		}
		env := script.NewEnv(&s, script.Options{Check: true, Clock: &testHost{}})
		fleet := &testFleet{options: runOptions{CompileOptions: CompileOptions{Check: true}}}
		host := &testHost{fleet: fleet, env: env}
		rounds := 0
		if err := script.Run(b.Context(), s.Segments[0], env, noPlan{host}, func(script.Result) { rounds++ }); err != nil || rounds != 102 {
			b.Fatalf("got %d results, error %v", rounds, err)
		}
	}
}

// noPlan is an executor whose host wants nothing changed.
type noPlan struct{ *testHost }

func (noPlan) Plan(context.Context, script.Step, []state.Want) (script.Planned, error) {
	return script.Planned{}, nil
}
