package tasks

import (
	"context"
	"errors"
	"path"
	"strings"
)

// serviceManager is one of the ways in which hosts run services.
type serviceManager interface {
	running(ctx context.Context, m Machine, name string) (bool, error)
	enabled(ctx context.Context, m Machine, name string) (bool, error)
	// command is the argv for start, stop, restart, reload, enable or disable.
	command(verb, name string) []string
}

// findServiceManager looks for what runs, not for what is installed: Debian's
// containers have systemctl and no systemd.
func findServiceManager(d Disk) (serviceManager, error) {
	switch {
	case d.Exists("/run/systemd/system"):
		return systemd{}, nil
	case d.Find("rc-service") != "":
		return openrc{}, nil
	case d.Exists("/etc/init.d"):
		return sysv{d}, nil
	}
	return nil, errors.New("no service manager: neither systemd nor OpenRC runs, and there is no /etc/init.d")
}

func answered(out Output, err error) (bool, error) { return err == nil && out.Status == 0, err }

type systemd struct{}

func (systemd) running(ctx context.Context, m Machine, name string) (bool, error) {
	return answered(ask(ctx, m, "systemctl", "is-active", "--quiet", "--", name))
}

func (systemd) enabled(ctx context.Context, m Machine, name string) (bool, error) {
	return answered(ask(ctx, m, "systemctl", "is-enabled", "--quiet", "--", name))
}

func (systemd) command(verb, name string) []string { return []string{"systemctl", verb, "--", name} }

type openrc struct{}

func (openrc) running(ctx context.Context, m Machine, name string) (bool, error) {
	return answered(ask(ctx, m, "rc-service", name, "status"))
}

func (openrc) enabled(ctx context.Context, m Machine, name string) (bool, error) {
	out, err := ask(ctx, m, "rc-update", "show", "default")
	for _, line := range textLines(out.Stdout) {
		if words := strings.Fields(line); len(words) > 0 && words[0] == name {
			return true, err
		}
	}
	return false, err
}

func (openrc) command(verb, name string) []string {
	switch verb {
	case "enable":
		return []string{"rc-update", "add", name, "default"}
	case "disable":
		return []string{"rc-update", "del", name, "default"}
	}
	return []string{"rc-service", name, verb}
}

type sysv struct{ disk Disk }

func (s sysv) running(ctx context.Context, m Machine, name string) (bool, error) {
	return answered(ask(ctx, m, s.command("status", name)...))
}

// enabled looks for a start link of a run level in which a host serves.
func (s sysv) enabled(_ context.Context, _ Machine, name string) (bool, error) {
	return s.disk.Glob("/etc/rc[2-5].d/S[0-9][0-9]" + globQuote(name)), nil
}

func globQuote(name string) string { return strings.ReplaceAll(name, `\`, `\\`) }

func (s sysv) command(verb, name string) []string {
	enable := verb == "enable" || verb == "disable"
	switch {
	case enable && s.disk.Find("update-rc.d") != "":
		return []string{"update-rc.d", name, verb}
	case enable:
		return []string{"chkconfig", name, map[string]string{"enable": "on", "disable": "off"}[verb]}
	case s.disk.Find("service") != "":
		return []string{"service", name, verb}
	}
	return []string{path.Join("/etc/init.d", name), verb}
}
