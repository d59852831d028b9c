package tasks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Fetch brings a file of the host to the controller.
type Fetch struct {
	Src           FilePath `arg:"src,required" doc:"file on the host"`
	Dest          string   `arg:"dest,required" doc:"folder on the controller; the file becomes DEST/HOST/SRC"`
	Flat          bool     `arg:"flat" doc:"dest is the file itself; give it the name of the host, or one host overwrites the other's"`
	FailOnMissing bool     `arg:"fail_on_missing" default:"true" doc:"whether a file that is not there is a failure"`
}

func init() {
	Register(Kind{Name: "fetch", Short: "bring a file of the host to the controller", New: func() Task { return new(Fetch) }})
}

// Check implements Task.
func (f *Fetch) Check() error {
	errs := []error{checkLine("dest", f.Dest)}
	if strings.HasSuffix(string(f.Src), "/") {
		errs = append(errs, Wrong("src", "%s is a directory: fetch brings one file", f.Src))
	}
	if f.Flat && strings.HasSuffix(f.Dest, "/") {
		errs = append(errs, Wrong("dest", "%s is a folder: with flat, dest is the file itself", f.Dest))
	}
	return errors.Join(errs...)
}

// Needed implements Act.
func (f *Fetch) Needed(_ context.Context, m Machine) (string, error) {
	if !f.FailOnMissing && !diskOf(m).Exists(string(f.Src)) {
		return "", nil
	}
	return "fetch " + string(f.Src), nil
}

// Observes implements Observer.
func (f *Fetch) Observes() {}

// Do implements Act.
func (f *Fetch) Do(context.Context, Machine) (Outcome, error) {
	path := string(f.Src)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Outcome{}, &Failure{Msg: fmt.Sprintf("fetch %s: it is not there", path)}
	case err != nil:
		return Outcome{}, fmt.Errorf("fetch %s: %w", path, err)
	case !info.Mode().IsRegular():
		return Outcome{}, &Failure{Msg: fmt.Sprintf("fetch %s: it is not a file", path)}
	}
	blob := &Blob{Source: path, Dest: f.Dest, Flat: f.Flat, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	return Outcome{Msg: fmt.Sprintf("%d bytes", info.Size()), Blob: blob, Data: map[string]any{"src": path, "size": int(info.Size())}}, nil
}
