package lint

import (
	"testing"

	"netrun/tasks/state"
)

func linked(name, from string, port int, to string) state.Links {
	return state.Links{Scope: state.ContainerScope("app"), Family: 4, Name: name,
		Links: []state.NetLink{{FromHost: from, FromPort: port, ToHost: to, ToPort: 80, Proto: "tcp"}}}
}

func TestLinks(t *testing.T) {
	lan := addr("eth1", "10.0.0.1/24")
	one := linked("NETRUN-L1", "127.0.0.1", 80, "10.9.0.1")
	runCases(t, []lintCase{
		{"to nobody", []Host{on("a", lan, linked("NETRUN-L1", "127.0.0.1", 80, "10.0.0.9"))},
			[]string{"warning a:2: link of a to 10.0.0.9: no host of this play has that address, though its subnet is known"}},
		{"to somebody", []Host{on("a", lan, linked("NETRUN-L1", "127.0.0.1", 80, "10.0.0.1"))}, nil},
		{"to the host itself", []Host{on("a", lan, linked("NETRUN-L1", "127.0.0.1", 80, "127.0.0.1"))}, nil},
		{"twice", []Host{on("a", one, linked("NETRUN-L2", "127.0.0.1", 80, "10.9.0.2"))},
			[]string{"error a:2: 127.0.0.1 port 80/tcp in app of a is linked twice: the rule that happens to come first would win; see a:1"}},
		{"two ports", []Host{on("a", one, linked("NETRUN-L2", "127.0.0.1", 81, "10.9.0.2"))}, nil},
		{"two addresses", []Host{on("a", one, linked("NETRUN-L2", "127.0.0.2", 80, "10.9.0.2"))}, nil},
		{"two hosts", []Host{on("a", one), on("b", one)}, nil},
	})
}
