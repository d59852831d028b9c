package cli

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netrun/playbooks"
	"netrun/playbooks/deployment"
)

// TestDescriptorText reads descriptors from where they may be: the cases of geard's tests.
func TestDescriptorText(t *testing.T) {
	file := filepath.Join("..", "..", "..", "..", "playbooks", "deployment", "testdata", "geard", "fixtures", "complex_deploy.json")
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/slow.json":
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		case r.URL.Path != "/d.json" || r.Header.Get("Accept") != "application/json":
			http.NotFound(w, r)
		default:
			_, _ = w.Write(want) // a client that has gone is not the test's
		}
	})
	plain, secret := httptest.NewServer(pages), httptest.NewTLSServer(pages)
	defer plain.Close()
	defer secret.Close()
	secret.Config.ErrorLog = log.New(io.Discard, "", 0)
	a := &app{Process: &Process{}}
	abs, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from     string
		insecure bool
		err      string
	}{
		{from: file},
		{from: "file://" + abs},
		{from: plain.URL + "/d.json"},
		{from: secret.URL + "/d.json", insecure: true},
		{from: secret.URL + "/d.json", err: "x509: certificate signed by unknown authority"},
		{from: plain.URL + "/none.json", err: "Get(" + plain.URL + "/none.json): 404 Not Found"},
		{from: "ftp://h/d.json", err: "Unsupported URL Scheme 'ftp' for deployment"},
		{from: "none.json", err: "open none.json: no such file or directory"},
	} {
		text, name, err := a.descriptorText(t.Context(), &DeployOptions{Timeout: time.Minute, Insecure: c.insecure}, c.from)
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: got error %v; want %q", c.from, err, c.err)
		case c.err == "" && (err != nil || string(text) != string(want) || strings.TrimPrefix(c.from, "file://") != name):
			t.Errorf("%s: got %d bytes of %q, error %v", c.from, len(text), name, err)
		}
	}
	var late net.Error
	_, _, err = a.descriptorText(t.Context(), &DeployOptions{Timeout: 50 * time.Millisecond}, plain.URL+"/slow.json")
	if !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("a slow server: got error %v; want a timeout", err)
	}
}

// TestSaveDeployed: the annotated file is its owner's alone where it holds variables.
func TestSaveDeployed(t *testing.T) {
	dir := t.TempDir()
	for text, mode := range map[string]os.FileMode{
		"Containers: [{Name: webb, Count: 1}]":                                          0o644,
		"Containers: [{Name: webb, Count: 1, Environment: [{Name: A, Value: secret}]}]": 0o600,
	} {
		d, _, err := deployment.Parse("d.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := d.Resolve(deployment.Options{Hosts: []string{"h"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := saveDeployed(dir, &playbooks.Deployed{Save: "d.json", Plan: plan}); err != nil {
			t.Fatal(err)
		}
		found, err := os.Stat(filepath.Join(dir, "d.json"))
		if err != nil || found.Mode() != mode {
			t.Errorf("%s: got %v, error %v; want mode %v", text, found.Mode(), err, mode)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("got files %v, error %v; want the one that was written anew", left, err)
	}
}
