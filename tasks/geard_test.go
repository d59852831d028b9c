package tasks

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"netrun/tasks/state"
)

// geardVectors are strings and what geard's own parsers were seen to make of them.
type geardVectors struct {
	Links []struct {
		In, Compact, Display, File, Error string
		Complete                          []bool
	} `json:"net_links"`
	Pairs []struct{ In, Display, Header, Error string } `json:"port_pairs"`
}

func vectors(t *testing.T) geardVectors {
	t.Helper()
	raw, err := os.ReadFile("../playbooks/deployment/testdata/geard/parse_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v geardVectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Links) < 10 || len(v.Pairs) < 9 {
		t.Fatalf("got %d links and %d pairs; want those of the file", len(v.Links), len(v.Pairs))
	}
	return v
}

// mended are geard's mistakes that are none here: what is made of such a link instead.
var mended = map[string]string{
	":6379:10.16.138.4:50000":  "127.0.0.1:6379:10.16.138.4:50000",                        // geard stored it without its host, and could not read it again
	"127.0.0.1:80:db:80:extra": "The network link '127.0.0.1:80:db:80:extra' " + linkForm, // geard dropped the rest
}

// compact is geard's short form.
func compact(l state.NetLink) string {
	return strings.Join([]string{l.FromHost, port(uint16(l.FromPort)), l.ToHost, port(uint16(l.ToPort))}, ":")
}

func TestGeardLinks(t *testing.T) {
	for _, v := range vectors(t).Links {
		want := v.Compact + v.Error
		if repaired, ok := mended[v.In]; ok {
			if repaired == want {
				t.Errorf("%q: the vector says what the exception says: there is none to be made", v.In)
			}
			want = repaired
		}
		specs, err := ParseLinks(v.In)
		got := ""
		if err != nil {
			got = err.(*ArgError).Msg
		}
		for i, s := range specs {
			got += compact(s.NetLink)
			if complete := s.ToHost != "" && s.ToPort != 0; i < len(v.Complete) && complete != v.Complete[i] {
				t.Errorf("%q: got complete %v; want %v", v.In, complete, v.Complete[i])
			}
		}
		if got != want {
			t.Errorf("%q: got %q; want %q", v.In, got, want)
		}
	}
}

// TestLinkTexts has what geard's page of its syntax says besides, and what goes beyond it.
func TestLinkTexts(t *testing.T) {
	for in, want := range map[string]string{
		"a:1:b:2,c:3:d:4":                       "a:1 -> b:2, c:3 -> d:4",
		"6379:db:":                              "127.0.0.1:6379 -> db",
		"80::":                                  "127.0.0.1:80 -> ?",
		"53:10.0.0.1:5353/udp":                  "127.0.0.1:53 -> 10.0.0.1:5353/udp",
		"[fd00::1]:80:[2001:db8::2]:8080":       "[fd00::1]:80 -> [2001:db8::2]:8080",
		"[fd00::1]:80:db.example.com:8080/sctp": "[fd00::1]:80 -> db.example.com:8080/sctp",
		"6379:node4/redisdb:6379":               "127.0.0.1:6379 -> node4:6379",
		"localhost:80:localhost:8080":           "localhost:80 -> localhost:8080",
		"80:localhost:80":                       "127.0.0.1:80 -> localhost:80",
		"":                                      "The network link '' " + linkForm,
		"80:db:80,":                             "The network link '' " + linkForm,
		"0:db:80":                               "From port value must be between 0 and 65535",
		"65536:db:80":                           "From port value must be between 0 and 65535",
		"80:db:65536":                           "To port value must be between 0 and 65535",
		"80:db:-1":                              "To port value must be between 0 and 65535",
		"80:10.0.0.1:80\n":                      `strconv.Atoi: parsing "80\n": invalid syntax`,
		"80:$(id):80":                           `remote host "$(id)" is neither an address nor a name`,
		"$(id):80:db:80":                        `local host "$(id)" is neither an address nor a name`,
		"80:-x:80":                              `remote host "-x" is neither an address nor a name`,
		"80:db:80/icmp":                         "invalid proto: icmp",
		"80:[2001:db8::2]:80":                   "a link to an IPv6 address needs a local one, and ::1 leads nowhere else: IPv6 has no route_localnet",
		"[::1]:80:[2001:db8::2]:80":             `local host "::1" leads nowhere else: IPv6 has no route_localnet`,
		"0.0.0.0:80:db:80":                      `local host "0.0.0.0" is not an address that one can connect to`,
		"127.0.0.1:80:[2001:db8::2]:80":         "127.0.0.1 and 2001:db8::2 are of two families",
		"fd00::1:80:2001:db8::2:80":             "The network link 'fd00::1:80:2001:db8::2:80' " + linkForm,
		"80:node4/:80":                          "You must specify <host>/<id> or <id>",
	} {
		specs, err := ParseLinks(in)
		var texts []string
		for _, s := range specs {
			texts = append(texts, s.String())
		}
		got := strings.Join(texts, ", ")
		if err != nil {
			got = err.(*ArgError).Msg
		}
		if got != want {
			t.Errorf("%q: got %q; want %q", in, got, want)
		}
	}
}

func TestGeardPairs(t *testing.T) {
	for _, v := range vectors(t).Pairs {
		var p PortPairs
		err := p.UnmarshalText([]byte(v.In))
		var parts []string
		for _, s := range p {
			parts = append(parts, s.Container.String()+":"+s.Host.String())
		}
		got, want := strings.Join(parts, ","), v.Header
		if err != nil {
			got, want = err.Error(), v.Error
		}
		if got != want {
			t.Errorf("%q: got %q; want %q", v.In, got, want)
		}
	}
}
