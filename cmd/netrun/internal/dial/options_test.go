package dial

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOptionsWinOverFiles(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("Host *\n  Port 2222\n  IdentitiesOnly no\n  UserKnownHostsFile /from/file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := New(Config{User: "me", Home: t.TempDir(), SSHConfigFiles: []string{config}})
	ep, err := d.resolve(Target{Name: "n1", Options: []string{
		"Port=2200", "IdentitiesOnly=yes", "UserKnownHostsFile=/a", "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if ep.port != 2200 || !ep.only || ep.strict != strictYes {
		t.Errorf("got port %d, only %v, strict %v; want 2200, true, yes", ep.port, ep.only, ep.strict)
	}
	if want := []string{"/a", "/dev/null"}; !slices.Equal(ep.known, want) {
		t.Errorf("known hosts: got %q, want %q", ep.known, want)
	}
	if _, err := d.resolve(Target{Name: "n1", Options: []string{"Port=x"}}); err == nil || !strings.HasPrefix(err.Error(), "-o Port=x: ") {
		t.Errorf("got %v, want an error that names the option", err)
	}
}
