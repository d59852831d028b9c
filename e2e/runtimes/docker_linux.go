package runtimes

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Docker is a dockerd in a network and mount namespace of its own.
type Docker struct {
	Socket string

	t      testing.TB
	dir    string
	holder *exec.Cmd // keeps the namespaces while no daemon runs
	daemon *exec.Cmd
}

// StartDocker starts a dockerd that has the image Image. It ends with the test.
// A machine that cannot run one skips the test and says why.
func StartDocker(t testing.TB) *Docker {
	t.Helper()
	if _, err := exec.LookPath("dockerd"); err != nil {
		t.Skip("docker: dockerd is not installed")
	}
	archive := imageTar(t)
	d := &Docker{t: t, dir: folder(t)}
	d.Socket = filepath.Join(d.dir, "docker.sock")
	if err := d.hold(); err != nil {
		t.Skipf("docker: no namespaces: %v", err)
	}
	if why := d.start(); why != "" {
		t.Skipf("docker: dockerd does not run here: %s", why)
	}
	t.Cleanup(d.stop)
	cmd := d.Command("import", "-", Image)
	cmd.Stdin = bytes.NewReader(archive)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("docker import: %v: %s", err, out)
	}
	return d
}

// hold makes the namespaces, in which daemon after daemon may run.
func (d *Docker) hold() error {
	path := filepath.Join(d.dir, "held")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	d.holder = exec.Command("tail", "-f", path)
	d.holder.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if err := d.holder.Start(); err != nil {
		return err
	}
	d.t.Cleanup(func() {
		d.holder.Process.Kill()
		d.holder.Wait()
	})
	return nil
}

// Namespaces are the options with which nsenter enters the daemon's network and mounts.
func (d *Docker) Namespaces() []string {
	return []string{"--target", strconv.Itoa(d.holder.Process.Pid), "--net", "--mount"}
}

// start says why it could not.
func (d *Docker) start() string {
	log, err := os.OpenFile(filepath.Join(d.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err.Error()
	}
	defer log.Close()
	// A killed one leaves these behind; where nobody reaps, containerd's names a zombie,
	// which dockerd takes for running.
	os.Remove(filepath.Join(d.dir, "pid"))
	os.Remove(filepath.Join(d.dir, "exec/containerd/containerd.pid"))
	d.daemon = exec.Command("nsenter", append(d.Namespaces(), "dockerd", "--data-root", filepath.Join(d.dir, "data"), "--exec-root", filepath.Join(d.dir, "exec"),
		"--host", "unix://"+d.Socket, "--pidfile", filepath.Join(d.dir, "pid"), "--cgroup-parent", "/"+filepath.Base(d.dir), "--default-ulimit", "nofile=1024:1024")...)
	d.daemon.Stdout, d.daemon.Stderr = log, log
	d.daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.daemon.Start(); err != nil {
		return err.Error()
	}
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if d.Command("version").Run() == nil {
			return ""
		}
		if syscall.Kill(d.daemon.Process.Pid, 0) != nil {
			break
		}
	}
	said, _ := os.ReadFile(log.Name())
	d.Kill()
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	return lines[len(lines)-1]
}

// Command is the docker client, speaking to this daemon.
func (d *Docker) Command(args ...string) *exec.Cmd {
	cmd := exec.Command("docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+d.Socket)
	return cmd
}

// Run is what a command of the docker client prints; it must succeed.
func (d *Docker) Run(args ...string) string {
	d.t.Helper()
	return run(d.t, d.Command(args...))
}

// Pid is dockerd's.
func (d *Docker) Pid() int { return d.daemon.Process.Pid }

// Kill ends the daemon at once; its containers run on.
func (d *Docker) Kill() {
	d.daemon.Process.Kill()
	d.daemon.Wait()
}

// Start starts the daemon again after Kill.
func (d *Docker) Start() {
	d.t.Helper()
	if why := d.start(); why != "" {
		d.t.Fatalf("start dockerd again: %s", why)
	}
}

func (d *Docker) stop() {
	syscall.Kill(d.Pid(), syscall.SIGCONT)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ask := func(args ...string) string {
		out, _ := exec.CommandContext(ctx, "docker", append([]string{"--host", "unix://" + d.Socket}, args...)...).Output()
		return string(out)
	}
	if ids := strings.Fields(ask("ps", "-aq")); len(ids) > 0 {
		ask(append([]string{"rm", "--force"}, ids...)...)
	}
	d.daemon.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(10*time.Second, func() { d.daemon.Process.Kill() })
	defer timer.Stop()
	d.daemon.Wait()
}

func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String())
}
