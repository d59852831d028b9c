package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Package is software packages of the host's distribution.
type Package struct {
	Names       []string `arg:"name,required" doc:"one package or several, as the host's package manager names them"`
	State       string   `arg:"state" default:"present" choices:"present,absent,latest" doc:"latest also updates what is installed"`
	UpdateCache bool     `arg:"update_cache" doc:"fetch the lists of packages first, if there is anything to install; latest then always looks"`
}

func init() {
	Register(Kind{Name: "package", Short: "install, update or remove packages", Free: "name", New: func() Task { return new(Package) }})
}

// Check implements Task.
func (p *Package) Check() error {
	var errs []error
	if len(p.Names) == 0 {
		errs = append(errs, Wrong("name", "which package?"))
	}
	for i, name := range p.Names {
		if err := packageNameError(name); err != nil {
			errs = append(errs, at(Wrong("name", "%v", err), i))
		}
	}
	return errors.Join(errs...)
}

func packageNameError(name string) error {
	if before, _, pinned := strings.Cut(name, "="); pinned {
		return fmt.Errorf("%q asks for one version, which package cannot: write %s, or use command", name, before)
	}
	ok := name != "" && len(name) < 256 && strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@", rune(name[0]))
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("+-._:@~", r))
	}
	// apt-get takes a dash at the end for "remove".
	if !ok || strings.HasSuffix(name, "-") {
		return fmt.Errorf("%q is not the name of a package", name)
	}
	return nil
}

// open are the packages for which there is something to do.
func (p *Package) open(ctx context.Context, m Machine, manager packageManager) ([]string, error) {
	installed, err := manager.installed(ctx, m, p.Names)
	if err != nil {
		return nil, err
	}
	var names, there []string
	for _, name := range p.Names {
		if installed[name] {
			there = append(there, name)
		}
		if installed[name] == (p.State == absent) {
			names = append(names, name)
		}
	}
	if p.State != "latest" || len(there) == 0 {
		return names, nil
	}
	old, err := manager.outdated(ctx, m, there)
	return append(names, old...), err
}

// Needed implements Act.
func (p *Package) Needed(ctx context.Context, m Machine) (string, error) {
	manager, err := findPackageManager(diskOf(m))
	if err != nil {
		return "", err
	}
	names, err := p.open(ctx, m, manager)
	switch {
	case err != nil:
		return "", err
	case len(names) > 0:
		return p.verb() + " " + strings.Join(names, ", "), nil
	case p.State == "latest" && p.UpdateCache:
		return "look for updates of " + strings.Join(p.Names, ", "), nil
	}
	return "", nil
}

func (p *Package) verb() string {
	switch p.State {
	case absent:
		return "remove"
	case "latest":
		return "install or update"
	}
	return "install"
}

// Do implements Act.
func (p *Package) Do(ctx context.Context, m Machine) (Outcome, error) {
	manager, err := findPackageManager(diskOf(m))
	if err != nil {
		return Outcome{}, err
	}
	if p.UpdateCache && p.State != absent {
		if _, err := runTool(ctx, m, manager.refresh...); err != nil {
			return Outcome{}, fmt.Errorf("update lists of packages: %w", err)
		}
	}
	names, err := p.open(ctx, m, manager)
	if err != nil || len(names) == 0 {
		return Outcome{}, err
	}
	argv := manager.install
	if p.State == absent {
		argv = manager.remove
	}
	out, err := runTool(ctx, m, append(argv[:len(argv):len(argv)], names...)...)
	if err != nil {
		return Outcome{}, fmt.Errorf("%s %s: %w", p.verb(), strings.Join(names, ", "), err)
	}
	return Outcome{Changed: true, Msg: p.verb() + " " + strings.Join(names, ", "), Data: outputData(argv, out)}, nil
}
