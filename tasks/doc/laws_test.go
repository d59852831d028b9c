package doc_test

import (
	"testing"

	"netrun/tasks"
	"netrun/tasks/doc"
	"netrun/tasks/fakehost"
	"netrun/tasks/laws"
	"netrun/tasks/state"
)

// TestLaws runs the laws for every example that is objects, on a host in memory
// that has things of other programs too.
func TestLaws(t *testing.T) {
	for _, kind := range doc.Kinds() {
		k, ok := tasks.Lookup(kind)
		if !ok {
			continue // TestEveryKindHasAPage
		}
		if _, ok := k.New().(tasks.Wanter); !ok {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			given, example, err := laws.Example(kind)
			if err != nil {
				t.Fatal(err)
			}
			laws.Run(t, newHost, laws.Wants(given), laws.Wants(example))
		})
	}
}

func newHost(*testing.T) state.Host {
	return fakehost.New(
		state.Link{Name: "enp1s0", Type: "device", State: "up"},
		state.Table{Family: 4, Name: "nat"},
		state.Chain{Family: 4, Table: "nat", Name: "DOCKER", Rules: [][]string{{"-i", "docker0", "-j", "RETURN"}}},
		state.File{Path: "/etc/hosts", Type: "file", Content: []byte("127.0.0.1 localhost\n")},
		state.Sysctl{Name: "net/ipv4/conf/enp1s0/forwarding", Value: "1"},
	)
}
