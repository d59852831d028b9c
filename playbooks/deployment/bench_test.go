package deployment

import (
	"fmt"
	"testing"
)

// large is a deployment of containers with 3 instances and 10 links each, of all shapes.
func large(containers int) *Deployment {
	d := &Deployment{}
	for i := range containers {
		c := Container{Name: fmt.Sprintf("cont%d", i), Image: "i", Count: 3, PublicPorts: []Port{{Internal: 80}, {Internal: 8000 + i}}}
		for j := range 10 {
			c.Links = append(c.Links, Link{To: fmt.Sprintf("cont%d", (i+j*j)%containers), NonLocal: i%2 == 0 && j == 0})
		}
		d.Containers = append(d.Containers, c)
	}
	return d
}

func hosts(n int) (hosts []string) {
	for i := range n {
		hosts = append(hosts, fmt.Sprintf("node%d", i))
	}
	return hosts
}

func BenchmarkResolve1000(b *testing.B) {
	d, o := large(1000), Options{Hosts: hosts(100)}
	for b.Loop() {
		if _, err := d.Resolve(o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSpread1000(b *testing.B) {
	d, o := large(1000), Options{Hosts: hosts(100), Placement: Spread}
	for b.Loop() {
		if _, err := d.Resolve(o); err != nil {
			b.Fatal(err)
		}
	}
}
