package lint

import (
	"testing"

	"netrun/tasks/state"
)

func published(chain string, family int, ip, port string) state.Chain {
	var rule []string
	if ip != "" {
		rule = []string{"-d", ip}
	}
	rule = append(rule, "-p", "tcp", "-m", "tcp", "--dport", port, "-m", "comment", "--comment", chain+" 80/tcp", "-j", "DNAT", "--to-destination", "${to4}:80")
	return state.Chain{Family: family, Table: "nat", Name: chain, Of: state.ContainerScope(chain), Rules: [][]string{rule}}
}

func TestPublishedPorts(t *testing.T) {
	web := published("web", 4, "", "80")
	const twice = "error a:2: port 80/tcp of a is published twice: for web 80/tcp and for db 80/tcp; see a:1"
	runCases(t, []lintCase{
		{"all addresses", []Host{on("a", web, published("db", 4, "", "80"))}, []string{twice}},
		{"all, and one", []Host{on("a", web, published("db", 4, "10.0.0.1/32", "80"))}, []string{twice}},
		{"two addresses", []Host{on("a", published("web", 4, "10.0.0.2/32", "80"), published("db", 4, "10.0.0.1/32", "80"))}, nil},
		{"two families", []Host{on("a", web, published("db", 6, "", "80"))}, nil},
		{"two hosts", []Host{on("a", web), on("b", published("db", 4, "", "80"))}, nil},
		{"two ports", []Host{on("a", web, published("db", 4, "", "81"))}, nil},
		{"given out on the host", []Host{on("a", published("web", 4, "", "${port}"), published("db", 4, "", "${port}"))}, nil},
	})
}
