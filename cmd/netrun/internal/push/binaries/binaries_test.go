package binaries

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"testing/fstest"
)

func packed(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSet(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	arm := packed(t, "an ELF file")
	s, err := New(fstest.MapFS{
		"README.md":                 {Data: []byte("x")},
		"helper-linux-arm64.gz":     {Data: arm},
		"helper-linux-arm64.sha256": {Data: []byte(hash + "  helper-linux-arm64\n")},
		"helper-linux-arm.gz":       {Data: arm[:len(arm)-6]},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Hashes(); len(got) != 1 || got["arm64"] != hash {
		t.Errorf("hashes: got %v; want arm64's", got)
	}
	if got, err := s.Binary("arm64", true); !bytes.Equal(got, arm) || err != nil {
		t.Errorf("packed: got %q, %v; want the file", got, err)
	}
	for range 2 {
		if got, err := s.Binary("arm64", false); string(got) != "an ELF file" || err != nil {
			t.Errorf("unpacked: got %q, %v; want an ELF file", got, err)
		}
	}
	for arch, want := range map[string]string{"mips": "no helper for linux/mips in this build", "arm": "unpack helper for linux/arm: "} {
		if _, err := s.Binary(arch, false); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v; want %s", arch, err, want)
		}
	}
}

func TestBadHash(t *testing.T) {
	if _, err := New(fstest.MapFS{"helper-linux-arm.sha256": {Data: []byte("$(x)")}}); err == nil || !strings.Contains(err.Error(), "helper-linux-arm.sha256") {
		t.Errorf("got %v; want an error that names the file", err)
	}
}

// TestEmbedded: a build with or without helpers has a set, and each hash in it
// has its binary.
func TestEmbedded(t *testing.T) {
	s, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for arch := range s.Hashes() {
		if _, err := s.Binary(arch, true); err != nil {
			t.Errorf("%s: %v", arch, err)
		}
	}
}
