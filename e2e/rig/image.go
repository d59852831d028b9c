package rig

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Image is a container image of a static busybox: a tar of its root, as docker
// import, podman import and the image task take it. There is no registry to pull
// one from.
func Image() ([]byte, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, fmt.Errorf("find busybox: %w", err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	applets, err := exec.Command(path, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("list busybox applets: %w", err)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	errs := []error{w.WriteHeader(&tar.Header{Name: "bin/busybox", Mode: 0o755, Size: int64(len(program))})}
	_, err = w.Write(program)
	errs = append(errs, err)
	for applet := range strings.FieldsSeq(string(applets)) {
		if applet != "busybox" {
			errs = append(errs, w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox"}))
		}
	}
	for _, dir := range []string{"etc/", "root/", "var/", "var/www/"} {
		errs = append(errs, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}))
	}
	errs = append(errs, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}))
	errs = append(errs, w.WriteHeader(&tar.Header{Name: "etc/passwd", Mode: 0o644, Size: int64(len(accounts))}))
	_, err = w.Write([]byte(accounts))
	errs = append(errs, err, w.Close())
	return out.Bytes(), errors.Join(errs...)
}

// accounts are the image's users.
const accounts = "root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000:guest:/tmp:/bin/sh\n"

// Import makes Image known under that name to the host's docker or podman; cmd is
// what its containers run.
func (l *Lab) Import(ctx context.Context, host, runtime, name string, cmd ...string) error {
	image, err := Image()
	if err != nil {
		return err
	}
	words, err := json.Marshal(cmd)
	if err != nil {
		return err
	}
	_, err = Output(ctx, Command{Argv: l.Argv(host, runtime, "import", "--change", "CMD "+string(words), "-", name), Stdin: bytes.NewReader(image)})
	return err
}

// Service does one of start, stop, restart, kill, pause and unpause with a
// service of the host.
func (l *Lab) Service(ctx context.Context, host, service, verb string) error {
	_, err := Output(ctx, Command{Argv: []string{l.netrun, "lab", "service", "--name", l.Name, "--dir", l.Dir, host, service, verb}})
	return err
}
