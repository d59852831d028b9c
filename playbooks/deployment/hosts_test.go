package deployment

import (
	"strings"
	"testing"
)

func TestHostsOfInstances(t *testing.T) {
	for _, on := range []string{"", "local", "localhost", "node1", "node1:43273", "node1:", "10.0.0.1", "a_b-c.D", "[::1]:22", "[10.0.0.1]:22"} {
		d := parse(t, `{Instances: [{Id: web-1, On: "`+on+`"}]}`)
		if d.Instances[0].On != on {
			t.Errorf("got %q; want %q", d.Instances[0].On, on)
		}
	}
	const name = `a host has letters, digits, "_", "-" and "." only, or is an IP address in brackets with a port`
	for on, want := range map[string]string{
		`a/b`: string(errSlash), `n:0`: string(errHostPort), `n:65536`: string(errHostPort), `n:+22`: name,
		`a b`: name, ` `: name, `a,b`: name, `!a`: name, `a&b`: name, `*`: name, `{{ .x }}`: name, `a\n`: name, `\u0000`: name,
		`:22`: name, `[a]:22`: name, `[dead]:22`: name, `[::1%25eth0]:22`: name, `[::1]`: "address [::1]: missing port in address", `a:b:c`: "address a:b:c: too many colons in address", `ä`: name,
	} {
		_, _, err := Parse("f", []byte(`{Instances: [{Id: web-1, On: "`+on+`"}]}`))
		if err == nil || !strings.HasPrefix(err.Error(), "f:1:30: host ") || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("%q: got %v; want %s", on, err, want)
		}
	}
	d := &Deployment{Instances: []Instance{{ID: "web-1", On: "a/b"}}}
	wantMsg(t, d, "The host a/b for instance web-1 is not recognized - you may be using a different transport than originally specified: Host identifiers may not have a slash")
	if _, err := (&Deployment{}).Resolve(Options{Hosts: []string{"a,b"}}); err == nil || err.Error() != `read host "a,b": `+name {
		t.Errorf("got %v", err)
	}
}
