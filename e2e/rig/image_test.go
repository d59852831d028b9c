package rig

import (
	"archive/tar"
	"bytes"
	"io"
	"os/exec"
	"strings"
	"testing"
)

func TestImageIsARoot(t *testing.T) {
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip(err)
	}
	image, err := Image(Script("bin/serve", "#!/bin/sh\n"), Programs("ls"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	libc := false
	for r := tar.NewReader(bytes.NewReader(image)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found[h.Name] = h.Linkname
		libc = libc || strings.Contains(h.Name, "/libc.")
	}
	for name, target := range map[string]string{"bin/busybox": "", "bin/serve": "", "bin/sh": "busybox", "bin/nc": "busybox", "bin/httpd": "busybox", "tmp/": ""} {
		if got, ok := found[name]; !ok || got != target {
			t.Errorf("%s: got %q, there: %t; want %q", name, got, ok, target)
		}
	}
	if !libc {
		t.Errorf("got %v; want the libraries of ls too", found)
	}
}
