package deployment

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestRandomDeployments deploys made-up descriptors, changes them and deploys them again, on
// hosts that come and go.
func TestRandomDeployments(t *testing.T) {
	resolved := 0
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		d := someDeployment(rnd)
		for range 4 {
			o := Options{Hosts: hosts(1 + rnd.IntN(4)), Placement: Placement(rnd.IntN(2)), Random: noise()}
			p, err := resolve(t, d, o)
			if err != nil {
				expected(t, seed, err)
				break
			}
			resolved++
			giveOut(t, p)
			consistent(t, p)
			counts(t, p)
			redeploys(t, p, o)
			d = parse(t, string(p.Deployed.Text()))
			d.Containers[rnd.IntN(len(d.Containers))].Count = rnd.IntN(5)
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, d.Text())
		}
	}
	if resolved < 500 {
		t.Errorf("%d resolved; want at least 500: the rest shows nothing", resolved)
	}
}

var names = []string{"web", "db", "cache", "lb"}

func someDeployment(rnd *rand.Rand) *Deployment {
	d := &Deployment{RandomizeIDs: rnd.IntN(4) == 0, IDPrefix: []string{"", "p-"}[rnd.IntN(2)]}
	for _, name := range names[:1+rnd.IntN(4)] {
		c := Container{Name: name, Image: "i", Count: rnd.IntN(4), Affinity: []string{"", distribute}[rnd.IntN(2)]}
		for _, port := range rnd.Perm(3)[:1+rnd.IntN(2)] {
			c.PublicPorts = append(c.PublicPorts, Port{Internal: 80 + port})
		}
		d.Containers = append(d.Containers, c)
	}
	for range rnd.IntN(5) {
		c := &d.Containers[rnd.IntN(len(d.Containers))]
		c.Links = append(c.Links, someLink(rnd, d.Containers))
	}
	return d
}

func someLink(rnd *rand.Rand, containers []Container) Link {
	to := containers[rnd.IntN(len(containers))]
	l := Link{To: to.Name, NonLocal: rnd.IntN(2) == 0, MatchPort: rnd.IntN(2) == 0}
	switch port := to.PublicPorts[0].Internal; rnd.IntN(4) {
	case 0:
		l.Ports = []int{port}
	case 1:
		l.AliasPorts = []Port{{port, 6000}}
	}
	return l
}

// expected are the errors of links that want different addresses of one port.
func expected(t *testing.T, seed uint64, err error) {
	t.Helper()
	if !strings.HasSuffix(msg(err), "needs to be reset.") {
		t.Errorf("seed %d: %v", seed, err)
	}
}

// counts wants each container to have its instances.
func counts(t *testing.T, p *Plan) {
	t.Helper()
	have := map[string]int{}
	for _, in := range p.Deployed.Instances {
		have[in.From]++
	}
	for _, c := range p.Deployed.Containers {
		if have[c.Name] != c.Count {
			t.Errorf("%d instances of %s; want %d", have[c.Name], c.Name, c.Count)
		}
	}
}
