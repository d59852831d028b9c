package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"netrun/inventory"
	"netrun/playbooks/deployment"
)

func TestDeployPlays(t *testing.T) {
	hosts := filepath.Join(t.TempDir(), "hosts.ini")
	if err := os.WriteFile(hosts, []byte("[nodes]\nnode1\nnode2\nnode3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(t.Context(), []string{hosts}, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	parsed := &deployment.Deployment{Instances: []deployment.Instance{{ID: "a-1", On: "node1:43273"}, {ID: "a-2", On: "node3"}, {ID: "a-3", On: "all"}, {ID: "a-4", On: "nodes"}, {ID: "a-5", On: "node9"}}}
	for _, c := range []struct {
		args, want []string
	}{
		{[]string{"node1", "node2"}, []string{`- hosts: "node1,node2"`, `- hosts: "node3,!node1,!node2"`}},
		{[]string{"nodes", "!node3"}, []string{`- hosts: "nodes:!node3"`, `- hosts: "node1,node3,!nodes"`}},
		{[]string{"node1", "node3"}, []string{`- hosts: "node1,node3"`}},
		{[]string{"{{ .x }}"}, []string{"- hosts: \"{{ `{{` }} .x }}\"", "- hosts: \"node1,node3,!{{ `{{` }} .x }}\""}},
	} {
		d := &adhoc{}
		deploying{options: &DeployOptions{Name: "x"}, file: "x.json", inv: inv}.plays(d, exclusions(c.args), parsed)
		got := slices.DeleteFunc(slices.Clone(d.text), func(line string) bool { return !strings.HasPrefix(line, "- hosts") })
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: got plays %q; want %q", c.args, got, c.want)
		}
	}
}

// TestDescriptorURLsKeepSecrets has a user and a token in a URL.
func TestDescriptorURLsKeepSecrets(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("token") != "s3cret" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte("Containers: []\n"))
	}))
	defer server.Close()
	a := &app{Process: &Process{}}
	o := &DeployOptions{Timeout: 5 * time.Second}
	from := strings.Replace(server.URL, "http://", "http://user:pa55@", 1) + "/u.json"
	text, name, err := a.descriptorText(t.Context(), o, from+"?token=s3cret")
	if err != nil || name != server.URL+"/u.json" || len(text) == 0 {
		t.Errorf("got name %q, error %v; want the URL without user and query", name, err)
	}
	for _, url := range []string{from + "?token=0ther", strings.Replace(from, "http://", "https://", 1) + "?token=0ther"} {
		if _, _, err := a.descriptorText(t.Context(), o, url); err == nil || strings.Contains(err.Error(), "pa55") || strings.Contains(err.Error(), "0ther") {
			t.Errorf("%s: got error %v; want one without secrets", url, err)
		}
	}
	file := filepath.Join(t.TempDir(), "a:b.json")
	if err := os.WriteFile(file, []byte("Containers: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(file))
	for _, from := range []string{"a:b.json", "file:a:b.json", "file://" + file} {
		if _, _, err := a.descriptorText(t.Context(), o, from); err != nil {
			t.Errorf("%s: %v", from, err)
		}
	}
}
