package cli

import (
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
// called in messages, and what the annotated file's name is made of.
func (a *app) descriptorText(ctx context.Context, o *DeployOptions, from string) (text []byte, name string, err error) {
	u, err := url.Parse(from)
	if err != nil || u.Scheme == "" || filepath.VolumeName(from) != "" {
		u = &url.URL{Scheme: "file", Path: from}
	}
	switch u.Scheme {
	case "file":
		text, err = os.ReadFile(u.Path)
		return text, u.Path, err
	case "http", "https":
		text, err = fetchDescriptor(ctx, o, from)
		return text, from, err
	}
	//lint:ignore ST1005 the words are geard's
	return nil, "", fmt.Errorf("Unsupported URL Scheme '%s' for deployment", u.Scheme)
}

func fetchDescriptor(ctx context.Context, o *DeployOptions, from string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	client := &http.Client{}
	if o.Insecure {
		client.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxDescriptor+1))
	err = errors.Join(err, res.Body.Close())
	switch {
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("Get(%s): %s", from, res.Status)
	case len(text) > maxDescriptor:
		return nil, fmt.Errorf("Get(%s): more than %d MiB", from, maxDescriptor>>20)
	}
	return text, err
}

// saveDeployed writes the annotated file whole, or not at all. Where it holds variables
// it is its owner's alone.
func saveDeployed(dir string, d *playbooks.Deployed) error {
	file := d.Save
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, filepath.FromSlash(file))
	}
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
