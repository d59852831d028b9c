package dial

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/pkg/sftp"
)

// containerConn runs commands in a container, by docker exec or podman exec. The
// runtime's own settings (DOCKER_HOST, contexts) say on which machine that is.
type containerConn struct {
	name string
	argv []string // up to the command
}

// dialContainer contacts nobody: each exec does.
func dialContainer(t Target) (Conn, error) {
	fail := func(kind Kind, err error) (Conn, error) {
		return nil, &Error{Name: t.name(), Addr: t.Addr, Kind: kind, By: t.Runtime, Err: err}
	}
	container := firstOf(t.Addr, t.Name)
	for what, word := range map[string]string{"container": container, "user": t.User} {
		if strings.HasPrefix(word, "-") || strings.ContainsAny(word, " \t\r\n\x00") {
			return fail(BadConfig, fmt.Errorf("%s %q: not a name", what, word))
		}
	}
	program, err := exec.LookPath(t.Runtime)
	if err != nil {
		return fail(BadConfig, fmt.Errorf("%s is not installed on this machine: %w", t.Runtime, err))
	}
	argv := append(append([]string{program}, t.RuntimeArgs...), "exec", "--interactive")
	if t.User != "" {
		argv = append(argv, "--user="+t.User)
	}
	return containerConn{name: t.name(), argv: append(argv, container, "/bin/sh", "-c")}, nil
}

// login does what sshd would have done: a login has a name.
const login = `LOGNAME=${LOGNAME:-$(id -un 2>/dev/null || id -u)}; export LOGNAME; `

// Start runs the command with /bin/sh -c in the container. To close the session
// ends the runtime's client; the command in the container sees its input end.
func (c containerConn) Start(ctx context.Context, command string) (*Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start command on %q: %w", c.name, err)
	}
	argv := append(c.argv[1:len(c.argv):len(c.argv)], login+command)
	return startProcess(c.name, exec.Command(c.argv[0], argv...))
}

// SFTP is not available: no sshd is there.
func (c containerConn) SFTP() (*sftp.Client, error) {
	return nil, fmt.Errorf("open sftp on %q: %w: it is a container", c.name, ErrNoSFTP)
}

// Close has nothing to close.
func (c containerConn) Close() error { return nil }
