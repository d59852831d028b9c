package playbooks

import (
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestLinksNameHosts: a host of the inventory becomes its address in each form of links.
func TestLinksNameHosts(t *testing.T) {
	for name, links := range map[string]string{
		"list":           `["6379:node4:50000"]`,
		"one text":       `6379:node4:50000`,
		"several":        `"6379:node4:50000,6380:node4:50001"`,
		"map":            `{from: 6379, to: node4, to_port: 50000}`,
		"container":      `6379:node4/redisdb:6379`,
		"its variable":   `"{{ .one }}"`,
		"list of a host": `"{{ .all }}"`,
	} {
		got := playArchive(t, &txtar.Archive{Comment: []byte("hosts=web1,node4"), Files: []txtar.File{
			{Name: "inventory.ini", Data: []byte("web1\nnode4 node_address=10.16.138.4\n")},
			{Name: "site.yaml", Data: []byte(`
- hosts: node4
  tasks:
    - netns: redisdb
    - bridge: br1
    - address: {dev: br1, address: 10.1.1.1/24}
    - static_ip: {netns: redisdb, bridge: br1, addresses: 10.1.1.10/24, gateway: 10.1.1.1}
    - publish: {container: redisdb, pairs: "6379:50000"}
- hosts: web1
  vars: {one: "6379:node4:50000", all: ["6379:node4:50000"]}
  tasks:
    - netns: app
    - veth: {name: v-app, peer: eth0, peer_netns: app}
    - address: {netns: app, dev: eth0, address: 10.16.138.9/24}
    - link: {container: app, links: ` + links + `}
`)}}})
		if !strings.Contains(got, "--dport 6379 -j DNAT --to-destination 10.16.138.4:50000") {
			t.Errorf("%s: got no link to node4's address:\n%s", name, got)
		}
	}
}
