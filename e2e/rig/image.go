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
	"slices"
	"strings"
)

// ImageOption adds to an image.
type ImageOption func(*tar.Writer) error

// Image is a container image of a static busybox: a tar of its root, as docker
// import, podman import and the image task take it. There is no registry to pull
// one from.
func Image(options ...ImageOption) ([]byte, error) {
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
	errs := []error{addFile(w, "bin/busybox", 0o755, program)}
	for applet := range strings.FieldsSeq(string(applets)) {
		if applet != "busybox" {
			errs = append(errs, w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox"}))
		}
	}
	for _, dir := range []string{"etc/", "root/", "var/", "var/www/"} {
		errs = append(errs, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}))
	}
	errs = append(errs, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}))
	errs = append(errs, addFile(w, "etc/passwd", 0o644, []byte(accounts)))
	for _, add := range options {
		errs = append(errs, add(w))
	}
	return out.Bytes(), errors.Join(append(errs, w.Close())...)
}

func addFile(w *tar.Writer, name string, mode int64, content []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

// Script adds an executable file.
func Script(name, text string) ImageOption {
	return func(w *tar.Writer) error { return addFile(w, name, 0o755, []byte(text)) }
}

// Programs adds programs of this machine, with the libraries that they are linked to.
func Programs(names ...string) ImageOption {
	return func(w *tar.Writer) error {
		files, err := linked(names)
		if err != nil {
			return err
		}
		for _, path := range files {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := addFile(w, strings.TrimPrefix(path, "/"), 0o755, content); err != nil {
				return err
			}
		}
		return nil
	}
}

// linked are the paths of the programs and of their libraries, each once.
func linked(names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", name, err)
		}
		listed, err := exec.Command("ldd", path).Output()
		if err != nil {
			return nil, fmt.Errorf("libraries of %s: %w", path, err)
		}
		out = append(out, path)
		for word := range strings.FieldsSeq(string(listed)) {
			if strings.HasPrefix(word, "/") {
				out = append(out, strings.TrimSuffix(word, ":"))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
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
	return l.ImportImage(ctx, host, runtime, name, image, cmd...)
}

// ImportImage is Import for an image with more in it.
func (l *Lab) ImportImage(ctx context.Context, host, runtime, name string, image []byte, cmd ...string) error {
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
