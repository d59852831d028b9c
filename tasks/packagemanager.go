package tasks

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// packageManager is how one package manager is asked and told. The argvs end
// where the names of packages begin.
type packageManager struct {
	program                  string // by which it is found
	refresh, install, remove []string
	installed                packageQuery // which of the names are installed
	old                      []string     // lists what could be updated of the names
	oldNames                 func(Output) []string
}

// packageQuery asks which of the packages are installed.
type packageQuery func(context.Context, Machine, []string) (map[string]bool, error)

// outdated are those of the names, which are installed, that have an update.
func (p packageManager) outdated(ctx context.Context, m Machine, names []string) ([]string, error) {
	out, err := ask(ctx, m, append(p.old[:len(p.old):len(p.old)], names...)...)
	if err != nil {
		return nil, err
	}
	listed := p.oldNames(out)
	var old []string
	for _, name := range names {
		if slices.Contains(listed, bareName(name)) {
			old = append(old, name)
		}
	}
	return old, nil
}

// bareName is the name without an architecture (libc6:amd64).
func bareName(name string) string {
	bare, _, _ := strings.Cut(name, ":")
	return bare
}

// packageManagers, in the order in which they are looked for: Fedora has yum as
// another name of dnf, and Debian can have rpm.
func packageManagers() []packageManager {
	return []packageManager{
		{program: "apt-get", refresh: words("apt-get -q update"), remove: words("apt-get -q -y remove --"),
			install:   words("apt-get -q -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install --"),
			installed: dpkgInstalled, old: words("apt-get -q -s install --"), oldNames: firstField("Inst")},
		dnfLike("dnf"),
		dnfLike("yum"),
		{program: "apk", refresh: words("apk -q update"), install: words("apk -q add -u"), remove: words("apk -q del"),
			installed: listedBy("apk", "info", "-e"), old: words("apk version -l <"), oldNames: apkNames},
		{program: "pacman", refresh: words("pacman -Sy --noconfirm"), install: words("pacman -S --noconfirm --needed --"),
			remove: words("pacman -R --noconfirm --"), installed: listedBy("pacman", "-Qq", "--"),
			old: words("pacman -Qu --"), oldNames: firstField("")},
		{program: "zypper", refresh: words("zypper -n -q refresh"), install: words("zypper -n -q install --"),
			remove: words("zypper -n -q remove --"), installed: rpmInstalled,
			old: words("zypper -n -q list-updates"), oldNames: zypperNames},
	}
}

func dnfLike(program string) packageManager {
	return packageManager{program: program, refresh: []string{program, "-q", "makecache"},
		install: []string{program, "-q", "-y", "install"}, remove: []string{program, "-q", "-y", "remove"},
		installed: rpmInstalled, old: []string{program, "-q", "check-update"}, oldNames: dnfNames}
}

func words(line string) []string { return strings.Fields(line) }

func findPackageManager(d Disk) (packageManager, error) {
	var known []string
	for _, p := range packageManagers() {
		if d.Find(p.program) != "" {
			return p, nil
		}
		known = append(known, p.program)
	}
	return packageManager{}, errors.New("no package manager: looked for " + strings.Join(known, ", "))
}

// dpkgInstalled counts what is unpacked and configured: a removed package that
// left its configuration is known to dpkg too.
func dpkgInstalled(ctx context.Context, m Machine, names []string) (map[string]bool, error) {
	argv := append(words("dpkg-query -W -f ${binary:Package}\\t${db:Status-Status}\\n --"), names...)
	out, err := ask(ctx, m, argv...)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, line := range textLines(out.Stdout) {
		if name, status, _ := strings.Cut(line, "\t"); status == "installed" {
			there[name], there[bareName(name)] = true, true
		}
	}
	return there, nil
}

// rpmInstalled asks for each name by itself: it may be of something that a package provides.
func rpmInstalled(ctx context.Context, m Machine, names []string) (map[string]bool, error) {
	there := map[string]bool{}
	for _, name := range names {
		ok, err := answered(ask(ctx, m, "rpm", "-q", "--quiet", "--whatprovides", name))
		if err != nil {
			return nil, err
		}
		there[name] = ok
	}
	return there, nil
}

// listedBy is the query by a program that prints those that are installed.
func listedBy(argv ...string) packageQuery {
	return func(ctx context.Context, m Machine, names []string) (map[string]bool, error) {
		out, err := ask(ctx, m, append(argv[:len(argv):len(argv)], names...)...)
		there := map[string]bool{}
		for _, line := range textLines(out.Stdout) {
			there[strings.TrimSpace(line)] = true
		}
		return there, err
	}
}

// firstField reads the first field of each line, after a word with which the line must begin.
func firstField(begin string) func(Output) []string {
	return func(out Output) []string {
		var names []string
		for _, line := range textLines(out.Stdout) {
			fields := strings.Fields(line)
			if begin != "" {
				if len(fields) < 2 || fields[0] != begin {
					continue
				}
				fields = fields[1:]
			}
			if len(fields) > 0 {
				names = append(names, bareName(fields[0]))
			}
		}
		return names
	}
}

// dnfNames reads "name.arch  version  repository"; status 100 says that there are any.
func dnfNames(out Output) []string {
	var names []string
	for _, line := range textLines(out.Stdout) {
		if fields := strings.Fields(line); len(fields) == 3 {
			name := fields[0]
			if dot := strings.LastIndexByte(name, '.'); dot > 0 {
				name = name[:dot]
			}
			names = append(names, name)
		}
	}
	return names
}

// apkNames reads "name-1.2.3-r0 < 1.2.4-r0".
func apkNames(out Output) []string {
	var names []string
	for _, line := range textLines(out.Stdout) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] != "<" {
			continue
		}
		parts := strings.Split(fields[0], "-")
		if len(parts) > 2 {
			names = append(names, strings.Join(parts[:len(parts)-2], "-"))
		}
	}
	return names
}

// zypperNames reads the third column of zypper's table: "v | repository | name | ...".
func zypperNames(out Output) []string {
	var names []string
	for _, line := range textLines(out.Stdout) {
		if columns := strings.Split(line, "|"); len(columns) > 3 {
			names = append(names, strings.TrimSpace(columns[2]))
		}
	}
	return names
}
