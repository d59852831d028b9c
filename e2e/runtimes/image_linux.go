package runtimes

import (
	"testing"

	"netrun/e2e/rig"
)

// Image is the image that every runtime begins with: a static busybox, with a user guest.
const Image = "netrun-test"

// imageTar is the image's file system, as docker import takes it.
func imageTar(t testing.TB) []byte {
	t.Helper()
	archive, err := rig.Image()
	if err != nil {
		t.Skipf("container runtimes: no image: %v", err)
	}
	return archive
}
