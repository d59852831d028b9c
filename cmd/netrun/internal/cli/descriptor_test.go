package cli

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fetched is what a descriptor from there reads like.
func fetched(t *testing.T, o *DeployOptions, from string) (text, name string, err error) {
	t.Helper()
	a := &app{Process: &Process{}}
	got, name, err := a.descriptorText(t.Context(), o, from)
	return string(got), name, err
}

func TestDescriptorFromURL(t *testing.T) {
	const want = `{"Containers": [{"Name": "web", "Image": "box", "Count": 1}]}`
	slow := make(chan struct{})
	handler := http.NewServeMux()
	handler.HandleFunc("/web.json", func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept"); got != "application/json" {
			t.Errorf("Accept: got %q; want application/json", got)
		}
		w.Write([]byte(want))
	})
	handler.HandleFunc("/slow.json", func(http.ResponseWriter, *http.Request) { <-slow })
	handler.HandleFunc("/large.json", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, maxDescriptor+1)) })
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	defer close(slow)

	for _, c := range []struct {
		from   string
		o      DeployOptions
		failed string
	}{
		{plain.URL + "/web.json", DeployOptions{Timeout: time.Minute}, ""},
		{plain.URL + "/none.json", DeployOptions{Timeout: time.Minute}, "Get(" + plain.URL + "/none.json): 404 Not Found"},
		{plain.URL + "/large.json", DeployOptions{Timeout: time.Minute}, "more than 16 MiB"},
		{secure.URL + "/web.json", DeployOptions{Timeout: time.Minute}, "x509: certificate signed by unknown authority"},
		{secure.URL + "/web.json", DeployOptions{Timeout: time.Minute, Insecure: true}, ""},
		{"ftp://127.0.0.1/web.json", DeployOptions{Timeout: time.Minute}, "Unsupported URL Scheme 'ftp' for deployment"},
	} {
		text, name, err := fetched(t, &c.o, c.from)
		switch {
		case c.failed == "" && (err != nil || text != want || name != c.from):
			t.Errorf("%s: got %q from %s, error %v; want %q", c.from, text, name, err, want)
		case c.failed != "" && (err == nil || !strings.Contains(err.Error(), c.failed)):
			t.Errorf("%s: got error %v; want one with %q", c.from, err, c.failed)
		}
	}

	_, _, err := fetched(t, &DeployOptions{Timeout: 50 * time.Millisecond}, plain.URL+"/slow.json")
	var waited net.Error
	if !errors.As(err, &waited) || !waited.Timeout() {
		t.Errorf("a server that does not answer: got error %v; want one of the network, a timeout", err)
	}
}

func TestDescriptorFromFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.json")
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{path, "file://" + path, "file:" + path} {
		if text, name, err := fetched(t, &DeployOptions{}, from); err != nil || text != "{}" || name != path {
			t.Errorf("%s: got %q from %s, error %v; want {} from %s", from, text, name, err, path)
		}
	}
	if _, _, err := fetched(t, &DeployOptions{}, path+".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: got error %v", err)
	}
}
