package deployment

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vectors is the part of parse_vectors.json that this package reads: links and pairs of ports
// of a command line are not its own.
type vectors struct {
	Env []struct {
		In, Name, Value, Error string
		Match                  bool
	}
	Host []struct {
		In, Hostname, Locator, Error string
		Remote                       bool
	}
	Identifier []struct{ In, Error string }
	Split      []struct{ In, Type, Host, ID, Error string } `json:"locator_split"`
}

func TestVectors(t *testing.T) {
	var v vectors
	readJSON(t, "parse_vectors.json", &v)
	if len(v.Env) < 10 || len(v.Host) < 7 || len(v.Identifier) < 5 || len(v.Split) < 5 {
		t.Fatalf("too few vectors: %+v", v)
	}
	for _, tt := range v.Env {
		got, match, err := ParseEnvLine(tt.In)
		check(t, "ParseEnvLine", tt.In, fmt.Sprint(got, match, msg(err)), fmt.Sprint(Variable{tt.Name, tt.Value}, tt.Match, tt.Error))
	}
	for _, tt := range v.Host {
		got, err := ParseHost(tt.In)
		check(t, "ParseHost", tt.In, fmt.Sprint(got, msg(err)), fmt.Sprint(Host{tt.Locator, tt.Hostname, tt.Remote}, tt.Error))
	}
	for _, tt := range v.Identifier {
		check(t, "ParseIdentifier", tt.In, msg(ParseIdentifier(tt.In)), tt.Error)
	}
	for _, tt := range v.Split {
		typ, host, id, err := SplitLocator(tt.In)
		check(t, "SplitLocator", tt.In, fmt.Sprint(typ, host, id, msg(err)), fmt.Sprint(tt.Type, tt.Host, tt.ID, tt.Error))
	}
}

func check(t *testing.T, name, in, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s(%q): got %s; want %s", name, in, got, want)
	}
}

func TestParseHost(t *testing.T) {
	for in, want := range map[string]string{
		"local":          "{local localhost false} ",
		"[::1]:22":       "{[::1]:22 ::1 true} ",
		"node1:":         "{node1: node1 true} ",
		"a/b":            "{  false} Host identifiers may not have a slash",
		"node1:65536":    "{  false} Port must be between 1 and 65535",
		"node1:65535":    "{node1:65535 node1 true} ",
		"[::1]":          "{  false} address [::1]: missing port in address",
		"node-1.dc.test": "{node-1.dc.test node-1.dc.test true} ",
	} {
		got, err := ParseHost(in)
		check(t, "ParseHost", in, fmt.Sprint(got, " ", msg(err)), want)
	}
}

func TestLocatorOfContainers(t *testing.T) {
	for in, ok := range map[string]bool{"foo": false, "h/bar": false, "ctr://baz": false, "bart": true, "h:1/bazi": true, "h/ba/zi": false} {
		_, _, id, err := SplitLocator(in)
		if err == nil {
			err = ParseIdentifier(id)
		}
		if ok != (err == nil) {
			t.Errorf("%s: got %v", in, err)
		}
	}
	check(t, "ParseIdentifier", "^^^^", msg(ParseIdentifier("^^^^")), errID.Error())
}

func TestParseEnv(t *testing.T) {
	got, skipped := ParseEnv("simple.env", read(t, "fixtures/simple.env"))
	want := []Variable{{"TEST", "value"}, {"OTHER", "1"}, {"QUOTED", `\"foo\"`}}
	if diff := cmp.Diff(want, got); diff != "" || skipped != nil {
		t.Errorf("skipped %v (-want +got):\n%s", skipped, diff)
	}
	long := strings.Repeat("x", maxVariableName+1) + "=1\n" + "V=" + strings.Repeat("x", maxVariableValue+1) + "\n"
	got, skipped = ParseEnv("f", []byte("A=1\r\nexport B=2\n=3\n# C=4\n"+long+"A='BC'\nD=`e `"))
	if diff := cmp.Diff([]Variable{{"A", "'BC'"}, {"D", "e"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const wantSkipped = "[f:2: variable 'export B' has white spaces f:3: Name may not be empty f:4: variable '# C' has white spaces f:5: Name must be shorter than 1024 characters. f:6: Value must be less than 8KB.]"
	check(t, "ParseEnv", "skipped", fmt.Sprint(skipped), wantSkipped)
}
