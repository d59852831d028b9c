package rig

import (
	"archive/tar"
	"bytes"
	"io"
	"os/exec"
	"testing"
)

func TestImageIsARoot(t *testing.T) {
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip(err)
	}
	image, err := Image()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(image)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found[h.Name] = h.Linkname
	}
	for name, target := range map[string]string{"bin/busybox": "", "bin/sh": "busybox", "bin/nc": "busybox", "bin/httpd": "busybox", "tmp/": ""} {
		if got, ok := found[name]; !ok || got != target {
			t.Errorf("%s: got %q, there: %t; want %q", name, got, ok, target)
		}
	}
}
