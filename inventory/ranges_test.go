package inventory

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory/diag"
)

func TestExpand(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		names   string
		port    int
	}{
		{"web", "web", 0},
		{"web:2222", "web", 2222},
		{"h[01:03]", "h01 h02 h03", 0},
		{"h[1:10:4]x:22", "h1x h5x h9x", 22},
		{"h[:2]", "h0 h1 h2", 0},
		{"h[a:c]", "ha hb hc", 0},
		{"[a:b][1:2]", "a1 a2 b1 b2", 0},
		{"10.0.[0:1].1", "10.0.0.1 10.0.1.1", 0},
		{"[fe80::1]:22", "fe80::1", 22},
		{"fe80::1", "fe80::1", 0},
		{"h[08:10]", "h08 h09 h10", 0},
	} {
		names, port, err := expand(tt.pattern, diag.Pos{})
		if err != nil {
			t.Errorf("expand(%q): %v", tt.pattern, err)
		}
		if diff := cmp.Diff(tt.names, strings.Join(names, " ")); diff != "" || port != tt.port {
			t.Errorf("expand(%q): port %d, want %d (-want +got):\n%s", tt.pattern, port, tt.port, diff)
		}
	}
}

func TestExpandErrors(t *testing.T) {
	for pattern, want := range map[string]string{
		"h[3:1]": "ends before", "h[1:]": "no end", "h[01:100]": "another length", "h[1:5:0]": "step", "h[1:x]": "neither",
		"h[1:2": `no "]"`, "h[1]": "1 bounds", "h[0:9999999]": "more than", "h[0:9999][0:9999]": "more than", "h:": "colon",
		"h:99999": "between 1 and 65535", "[fe80::1:2]": "without a port",
	} {
		if _, _, err := expand(pattern, diag.Pos{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expand(%q): got %v; want %q", pattern, err, want)
		}
	}
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{"h[01:20]", "h[a:f:2]:22", "[fe80::1]:22", "h[1:2][3:4]", "h[]", "["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		names, _, err := expand(s, diag.Pos{})
		if err == nil && (len(names) == 0 || len(names) > MaxHosts) {
			t.Errorf("%d names without an error", len(names))
		}
	})
}
