package geard

import "testing"

// picture is geard's own: an application on two nodes, its database and its cache.
const picture = `
- name: containers
  hosts: all
  tasks:
    - container: {name: app1, image: box, env: {HTTP: "80"}, settle: 300ms}
      when: inventory_hostname in ["node1", "node3"]
    - publish: {container: app1, ports: "{{ .port }}:80"}
      vars: {port: '{{ if eq .inventory_hostname "node1" }}49123{{ else }}62313{{ end }}'}
      when: inventory_hostname in ["node1", "node3"]
    - container: {name: mysql, image: box, env: {REDIS: "3306"}, settle: 300ms}
      when: inventory_hostname == "node2"
    - publish: {container: mysql, ports: "49153:3306"}
      when: inventory_hostname == "node2"
    - container: {name: redis, image: box, env: {REDIS: "6379"}, settle: 300ms}
      when: inventory_hostname == "node4"
    - publish: {container: redis, ports: "50000:6379"}
      when: inventory_hostname == "node4"
`

const pictureLinks = `- name: links
  hosts: [node1, node3]
  tasks:
    - link:
        container: app1
        links:
          - 3306:node2/mysql:3306
          - 6379:node4/redis:6379
          - 192.168.1.1:80:node1/app1:80
          - 192.168.1.2:80:node3/app1:80
`

func TestPicture(t *testing.T) {
	w := newWorld(t)
	site := w.write("site.yaml", picture+pictureLinks)
	w.netrun(0, "play", site)
	w.pictured()
	w.unchanged(w.netrun(0, "play", site), 4)
	w.netrun(0, "remove", site)
	w.nothing(the.lab.Names()...)
}

// pictured looks as both applications do.
func (w *world) pictured() {
	w.Helper()
	for _, h := range []string{"node1", "node3"} {
		w.reaches(h, "app1", "127.0.0.1:3306", "node2", "mysql")
		w.reaches(h, "app1", "127.0.0.1:6379", "node4", "redis")
		w.fetches(h, "app1", "192.168.1.1:80", "node1", "app1")
		w.fetches(h, "app1", "192.168.1.2:80", "node3", "app1")
	}
}

// TestPictureByHand is the same by netrun link.
func TestPictureByHand(t *testing.T) {
	w := newWorld(t)
	site := w.write("site.yaml", picture)
	w.netrun(0, "play", site)
	links := "3306:node2/mysql:3306,6379:node4/redis:6379"
	each := "192.168.1.1:80:node1/app1:80,192.168.1.2:80:node3/app1:80"
	w.netrun(0, "link", "node1,node3", "app1", "-n", links, "-n", each)
	w.pictured()
	w.unchanged(w.netrun(0, "link", "node1,node3", "app1", "-n", links+","+each), 2)
	shown := "127.0.0.1:3306 -> " + w.addr("node2") + ":49153"
	w.says(0, []string{shown, "192.168.1.2:80 -> " + w.addr("node3") + ":62313"}, "link", "node1", "app1")
	w.netrun(0, "link", "node1,node3", "app1", "--clear")
	w.says(0, []string{"no links"}, "link", "node1", "app1")
	if got := w.inside("node1", "app1", "redis-cli", "PING"); got == "PONG" {
		t.Errorf("127.0.0.1:6379 after --clear: got %q; want nobody there", got)
	}
}
