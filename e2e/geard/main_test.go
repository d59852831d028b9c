package geard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"netrun/e2e/rig"
)

// the is the lab of four hosts that the tests share, one after the other.
var the struct {
	netrun, root string
	lab          *rig.Lab
	missing      string
}

// serve is what containers of the image box run: what their environment says.
const serve = `#!/bin/sh
[ -z "$FAIL" ] || exit 1
trap 'exit 0' TERM
mkdir -p /var/www/cgi-bin
hostname >/var/www/name
printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\n%s\n' "$CGI" >/var/www/cgi-bin/ask
chmod 755 /var/www/cgi-bin/ask
[ -z "$HTTP" ] || httpd -p "$HTTP" -h /var/www
if [ -n "$REDIS" ]; then
  redis-server --port "$REDIS" --bind '*' '-::*' --protected-mode no --save '' --daemonize yes --logfile /tmp/redis.log >/dev/null
  until redis-cli -p "$REDIS" SET name "$(hostname)" >/dev/null; do sleep 0.05; done
fi
sleep 1000000 & wait
`

func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status, err := run(ctx, m)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e/geard:", err)
		status = 1
	}
	os.Exit(status)
}

func run(ctx context.Context, m *testing.M) (status int, err error) {
	the.missing = rig.Missing()
	for _, program := range []string{"redis-server", "redis-cli", "runc", "dnsmasq"} {
		if _, err := exec.LookPath(program); err != nil && the.missing == "" {
			the.missing = err.Error()
		}
	}
	if the.missing != "" {
		return m.Run(), nil
	}
	if the.root, err = rig.Root(); err != nil {
		return 0, err
	}
	if the.netrun, err = rig.Build(ctx); err != nil {
		return 0, err
	}
	dir := rig.Dir(the.root, "e2e-geard")
	unlock, err := rig.Lock(dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir), unlock()) }()
	the.lab, err = rig.Up(ctx, the.netrun, "e2e-geard", filepath.Join(dir, "lab"), "--hosts", "4", "--services", "docker,podman")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, the.lab.Down(context.Background())) }()
	if err := imports(ctx); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// imports makes the image box known to every Docker, and to node4's podman.
func imports(ctx context.Context) error {
	image, err := rig.Image(rig.Script("bin/serve", serve), rig.Programs("redis-server", "redis-cli"))
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	hosts := append(the.lab.Names(), "node4")
	errs := make([]error, len(hosts))
	for i, h := range hosts {
		runtime := "docker"
		if i == len(hosts)-1 {
			runtime = "podman"
		}
		wg.Go(func() { errs[i] = the.lab.ImportImage(ctx, h, runtime, "box", image, "/bin/serve") })
	}
	wg.Wait()
	return errors.Join(errs...)
}
