package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// findPrograms says what this machine lacks for the services that hosts want.
func findPrograms(hosts []hostRecord) error {
	var errs []error
	seen := map[string]bool{}
	for _, h := range hosts {
		for _, name := range h.Services {
			if seen[name] {
				continue
			}
			seen[name] = true
			errs = append(errs, services[name].find(name))
		}
	}
	return errors.Join(errs...)
}

func (s service) find(name string) error {
	for _, program := range slices.Sorted(maps.Keys(s.programs)) {
		if _, err := lookPath(program); err != nil {
			return fmt.Errorf("service %s: find %s: not installed (Debian and Ubuntu: apt-get install %s)", name, program, s.programs[program])
		}
	}
	return nil
}

// serve starts the host's services, one after the other, and returns when they answer.
func (l *Lab) serve(ctx context.Context, h *hostRecord) error {
	for _, name := range h.Services {
		if len(services[name].daemons) == 0 {
			continue
		}
		var said strings.Builder
		script := "/etc/init.d/" + services[name].daemons[0]
		err := l.Run(ctx, h.Name, Command{Argv: []string{script, "start"}, Stdout: &said, Stderr: &said})
		var exit *ExitError
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &exit):
			return fmt.Errorf("start service %s: %s", name, strings.TrimSpace(said.String()))
		case err != nil:
			return fmt.Errorf("start service %s: %w", name, err)
		}
	}
	return nil
}

// hideRuntimes has a host without Docker or podman lack their programs too: what is
// installed and does not run is another matter.
func hideRuntimes(s spec, upper string) error {
	for _, runtime := range []string{"docker", "podman"} {
		if slices.Contains(s.Services, runtime) {
			continue
		}
		for _, program := range []string{runtime, runtime + "d"} {
			for _, dir := range filepath.SplitList(defaultPath) {
				path, err := filepath.EvalSymlinks(filepath.Join(dir, program))
				if err != nil {
					continue // not there
				}
				if err := hide(upper, path); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// fillServices writes the files of the host's services into its upper layer.
func fillServices(s spec, upper string) error {
	if err := hideRuntimes(s, upper); err != nil {
		return err
	}
	for _, name := range s.Services {
		svc := services[name]
		for _, dir := range svc.private {
			if err := opaqueDir(upper, dir); err != nil {
				return err
			}
		}
		files := svc.files
		for _, daemon := range svc.daemons {
			files = append(files, file{"etc/init.d/" + daemon, daemonScript, 0o755})
		}
		for _, f := range files {
			if err := f.write(upper); err != nil {
				return err
			}
		}
	}
	return nil
}

// serviceMounts are the folders on disk, made in the host's folder, which is the
// working directory.
func serviceMounts(s spec) ([]mount, error) {
	var out []mount
	for _, name := range s.Services {
		for _, target := range services[name].folders {
			source := filepath.Join("disk", strings.ReplaceAll(target[1:], "/", "-"))
			if err := os.MkdirAll(source, 0o755); err != nil {
				return nil, fmt.Errorf("make service folder: %w", err)
			}
			out = append(out, mount{source, target[1:], "folder", unix.MS_BIND, ""})
		}
		if services[name].tun {
			m, err := openTun()
			if err != nil {
				return nil, err
			}
			out = append(out, m)
		}
	}
	return out, nil
}

// openTun makes a /dev/net/tun for everybody, as udev does: not every machine has
// udev, and users' containers have their network from a tap.
func openTun() (mount, error) {
	const path = "disk/tun"
	if err := unix.Mknod(path, unix.S_IFCHR, int(unix.Mkdev(10, 200))); err != nil {
		return mount{}, fmt.Errorf("make tun device: %w", err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		return mount{}, fmt.Errorf("make tun device: %w", err)
	}
	return mount{path, "dev/net/tun", "", unix.MS_BIND, ""}, nil
}
