package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"netrun/playbooks"
)

// maxDescriptor is how long a descriptor from a URL may be.
const maxDescriptor = 16 << 20

// descriptorText reads a descriptor: a file, or what stands at a URL. name is what it is
// called in messages, and what the annotated file's name is made of: of a URL without
// what may be secret, its user and its query.
func (a *app) descriptorText(ctx context.Context, o *DeployOptions, from string) (text []byte, name string, err error) {
	u, err := url.Parse(from)
	if _, statErr := os.Stat(from); statErr == nil || err != nil || u.Scheme == "" {
		text, err = os.ReadFile(from)
		return text, from, err
	}
	switch u.Scheme {
	case "file":
		path := cmp.Or(u.Path, u.Opaque)
		text, err = os.ReadFile(path)
		return text, path, err
	case "http", "https":
		name := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
		text, err = fetchDescriptor(ctx, o, from, name)
		return text, name, err
	}
	//lint:ignore ST1005 the words are geard's
	return nil, "", fmt.Errorf("Unsupported URL Scheme '%s' for deployment", u.Scheme)
}

func fetchDescriptor(ctx context.Context, o *DeployOptions, from, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, fmt.Errorf("Get(%s): not a URL to fetch", name)
	}
	req.Header.Set("Accept", "application/json")
	client := &http.Client{}
	if o.Insecure {
		client.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	}
	res, err := client.Do(req)
	if err != nil {
		if cause := (*url.Error)(nil); errors.As(err, &cause) { // its text has the whole URL
			err = cause.Err
		}
		return nil, fmt.Errorf("Get(%s): %w", name, err)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxDescriptor+1))
	err = errors.Join(err, res.Body.Close())
	switch {
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("Get(%s): %s", name, res.Status)
	case len(text) > maxDescriptor:
		return nil, fmt.Errorf("Get(%s): more than %d MiB", name, maxDescriptor>>20)
	}
	return text, err
}

// saveable makes sure, before any host is contacted, that the annotated files can be written.
func (s *site) saveable() error {
	for _, d := range s.book.Deployments {
		if !d.Keeps() {
			continue
		}
		f, err := os.CreateTemp(filepath.Dir(savePath(s.book.Dir, d)), ".netrun-*")
		if err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
		if err != nil {
			return fmt.Errorf("save %s: %w", d.Save, err)
		}
	}
	return nil
}

// savePath is where the annotated file goes: beside the playbook, unless it says where.
func savePath(dir string, d *playbooks.Deployed) string {
	if filepath.IsAbs(d.Save) {
		return d.Save
	}
	return filepath.Join(dir, filepath.FromSlash(d.Save))
}

// saveDeployed writes the annotated file whole, or not at all. Where it holds variables
// it is its owner's alone.
func saveDeployed(dir string, d *playbooks.Deployed) error {
	file := savePath(dir, d)
	mode := os.FileMode(0o644)
	if d.Secret() {
		mode = 0o600
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+path.Base(filepath.ToSlash(file))+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(d.Plan.Deployed.Text())
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
