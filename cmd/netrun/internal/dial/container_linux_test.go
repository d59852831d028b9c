package dial

import (
	"errors"
	"strings"
	"testing"

	"netrun/e2e/runtimes"
)

// runtimeOf makes the plain docker command speak to the test's daemon.
func runtimeOf(t *testing.T) *runtimes.Docker {
	d := runtimes.StartDocker(t)
	d.Run("run", "--detach", "--name", "host1", "--network", "none", runtimes.Image, "sh", "-c", "trap exit TERM; while :; do sleep 0.2; done")
	return d
}

func TestContainer(t *testing.T) {
	d := runtimeOf(t)
	args := []string{"--host", "unix://" + d.Socket}
	dialed := dialer(t, home(t), nil)
	conn := mustDial(t, dialed, Target{Name: "h", Addr: "host1", Runtime: "docker", RuntimeArgs: args})
	if out, err := output(t, conn, `echo "a  $LOGNAME"; cat /proc/1/comm`); out != "a  root\nsh\n" || err != nil {
		t.Errorf("got %q, %v; want the container's", out, err)
	}
	if _, err := output(t, conn, "echo no >&2; exit 7"); err == nil || err.Error() != "exit status 7: no" {
		t.Errorf("exit: got %v; want exit status 7: no", err)
	}
	if _, err := conn.SFTP(); !errors.Is(err, ErrNoSFTP) {
		t.Errorf("sftp: got %v; want ErrNoSFTP", err)
	}
	guest := mustDial(t, dialed, Target{Addr: "host1", Runtime: "docker", RuntimeArgs: args, User: "guest"})
	if out, err := output(t, guest, `id -un; echo $LOGNAME`); out != "guest\nguest\n" || err != nil {
		t.Errorf("as guest: got %q, %v", out, err)
	}
	if _, err := output(t, mustDial(t, dialed, Target{Addr: "nothere", Runtime: "docker", RuntimeArgs: args}), "true"); err == nil || !strings.Contains(err.Error(), "No such container: nothere") {
		t.Errorf("no such container: got %v", err)
	}
}

func TestContainerRefused(t *testing.T) {
	for _, test := range []struct {
		target Target
		path   string
		want   string
	}{
		{Target{Name: "h", Addr: "--privileged", Runtime: "docker"}, "/usr/bin", `dial docker "h" (--privileged): container "--privileged": not a name`},
		{Target{Addr: "web", User: "-x", Runtime: "podman"}, "/usr/bin", `dial podman "web" (web): user "-x": not a name`},
		{Target{Addr: "web", Runtime: "docker"}, "/nonexistent", `dial docker "web" (web): docker is not installed on this machine`},
	} {
		t.Setenv("PATH", test.path)
		_, err := dialer(t, home(t), nil).Dial(t.Context(), test.target)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || KindOf(err) != BadConfig {
			t.Errorf("got %v (%s); want %s...", err, KindOf(err), test.want)
		}
	}
}
