package runtimes

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Podman is podman with a storage of its own.
type Podman struct {
	Environ []string // what makes the plain command use it

	t          testing.TB
	credential *syscall.Credential
}

// StartPodman gives a podman that has the image Image; its containers end with the
// test. A machine that cannot run one skips the test and says why.
func StartPodman(t testing.TB) *Podman {
	t.Helper()
	p := &Podman{t: t}
	dir := folder(t)
	conf, storage := filepath.Join(dir, "containers.conf"), filepath.Join(dir, "storage.conf")
	write(t, conf, containersConf(filepath.Join(dir, "tmp")))
	write(t, storage, fmt.Sprintf("[storage]\ndriver = \"overlay\"\ngraphroot = %q\nrunroot = %q\n", filepath.Join(dir, "root"), filepath.Join(dir, "run")))
	p.Environ = append(os.Environ(), "CONTAINERS_CONF="+conf, "CONTAINERS_STORAGE_CONF="+storage)
	p.begin()
	return p
}

// StartRootless gives the podman of a user other than root, whose home folder and
// runtime folder (XDG_RUNTIME_DIR) are home and runtime, made here.
func StartRootless(t testing.TB, uid, gid int, home, runtime string) *Podman {
	t.Helper()
	dir := folder(t)
	p := &Podman{t: t, credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	p.Environ = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_RUNTIME_DIR=" + runtime}
	storage := filepath.Join(dir, "root")
	config := filepath.Join(home, ".config/containers")
	for _, d := range []string{home, filepath.Dir(config), config, runtime, storage} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(d, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(config, "containers.conf"), containersConf(""))
	// vfs: without newuidmap there is no overlay for users.
	write(t, filepath.Join(config, "storage.conf"), fmt.Sprintf("[storage]\ndriver = \"vfs\"\ngraphroot = %q\n", storage))
	p.begin()
	return p
}

// containersConf is what podman needs where cgroups are of the first version, no
// systemd runs and the limits cannot be raised.
func containersConf(tmp string) string {
	text := "[engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n"
	if tmp != "" {
		text += fmt.Sprintf("tmp_dir = %q\n", tmp)
	}
	return text + "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1000:1000\"]\n"
}

func (p *Podman) begin() {
	p.t.Helper()
	for _, program := range []string{"podman", "runc"} {
		if _, err := exec.LookPath(program); err != nil {
			p.t.Skipf("podman: %s is not installed", program)
		}
	}
	cmd := p.Command("import", "-", Image)
	cmd.Stdin = bytes.NewReader(imageTar(p.t))
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Skipf("podman: it does not run here: %v: %s", err, out)
	}
	p.t.Cleanup(func() {
		p.Command("rm", "--all", "--force", "--time", "0").Run()
		if p.credential != nil {
			p.Command("system", "migrate").Run() // ends the process that holds the user's namespace
		}
	})
	// In the background: rootless podman waits 20 s for an end that it cannot see.
	if out, err := p.Command("run", "--detach", "--network", "none", Image, "true").CombinedOutput(); err != nil {
		p.t.Skipf("podman: no container runs here: %v: %s", err, out)
	}
	p.Run("rm", "--all", "--force", "--time", "0")
}

// Command is podman with its settings.
func (p *Podman) Command(args ...string) *exec.Cmd {
	cmd := exec.Command("podman", args...)
	cmd.Env, cmd.Dir = p.Environ, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.credential}
	return cmd
}

// Run is what podman prints; it must succeed.
func (p *Podman) Run(args ...string) string {
	p.t.Helper()
	return run(p.t, p.Command(args...))
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
