package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// fillUpper writes the host's own files into its upper layer, before the
// overlay is mounted: there they cost no copy.
func fillUpper(s spec, upper string) error {
	files, err := upperFiles(s)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := f.write(upper); err != nil {
			return err
		}
	}
	if err := hideHostKeys(upper); err != nil {
		return err
	}
	// The machine's own journals are not the host's.
	if err := opaqueDir(upper, "/var/lib/netrun"); err != nil {
		return err
	}
	if err := fillServices(s, upper); err != nil {
		return err
	}
	if s.Busybox {
		return fillBusybox(s, upper)
	}
	return nil
}

// fillMemory writes what stands in the host's tmpfs mounts.
func fillMemory(s spec, root string) error {
	if err := os.Mkdir(filepath.Join(root, "run/sshd"), 0o755); err != nil {
		return fmt.Errorf("make privilege separation folder: %w", err)
	}
	return file{"root/.ssh/authorized_keys", s.Authorized + "\n", 0o600}.write(root)
}

func upperFiles(s spec) ([]file, error) {
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	files := []file{
		{"etc/hostname", s.Name + "\n", 0o644},
		{"etc/hosts", "127.0.0.1 localhost\n127.0.1.1 " + s.Name + "\n::1 localhost\n", 0o644},
		{"etc/resolv.conf", "", 0o644}, // no host asks a name server of the machine's
		{"etc/profile", "PATH=" + defaultPath + "\nexport PATH\n", 0o644},
		{"etc/bash.bashrc", "", 0o644}, // Debian's bash reads it for every command that sshd runs
		{"etc/passwd", rootAccount(string(passwd), s.shell()), 0o644},
		{"etc/ssh/sshd_config", s.SshdConfig, 0o600},
		{"etc/ssh/ssh_host_ed25519_key", s.HostKey, 0o600},
		{"etc/ssh/ssh_host_ed25519_key.pub", s.HostPub + "\n", 0o644},
	}
	shadow, err := os.ReadFile("/etc/shadow")
	if err == nil {
		files = append(files, file{"etc/shadow", openRoot(string(shadow)), 0o640})
	}
	return files, nil
}

// shell returns root's login shell.
func (s spec) shell() string {
	if s.Shell != "" {
		return s.Shell
	}
	if _, err := os.Stat("/bin/bash"); err == nil && !s.Busybox {
		return "/bin/bash"
	}
	return "/bin/sh"
}

// rootAccount gives root its home and shell in the text of /etc/passwd.
func rootAccount(passwd, shell string) string {
	return mapLines(passwd, "root:", func(f []string) []string {
		if len(f) == 7 {
			f[5], f[6] = "/root", shell
		}
		return f
	})
}

// openRoot unlocks root in the text of /etc/shadow: without PAM, sshd lets
// nobody in whose password starts with "!" or has expired.
func openRoot(shadow string) string {
	return mapLines(shadow, "root:", func([]string) []string {
		return []string{"root", "*", "20000", "0", "99999", "7", "", "", ""}
	})
}

func mapLines(text, prefix string, f func([]string) []string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, prefix) {
			lines[i] = strings.Join(f(strings.Split(l, ":")), ":")
		}
	}
	return strings.Join(lines, "\n")
}

func (f file) write(root string) error {
	path := filepath.Join(root, f.path)
	mode := fs.FileMode(0o755)
	if strings.HasSuffix(filepath.Dir(path), "/.ssh") {
		mode = 0o700
	}
	if err := os.MkdirAll(filepath.Dir(path), mode); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := os.WriteFile(path, []byte(f.text), f.mode); err != nil {
		return fmt.Errorf("write host file: %w", err)
	}
	if err := os.Chmod(path, f.mode); err != nil { // whatever the umask
		return fmt.Errorf("write host file: %w", err)
	}
	return nil
}

// hideHostKeys covers the machine's own host keys.
func hideHostKeys(upper string) error {
	keys, err := filepath.Glob("/etc/ssh/ssh_host_*")
	if err != nil {
		return fmt.Errorf("find host keys: %w", err)
	}
	for _, key := range keys {
		if err := hide(upper, key); err != nil {
			return err
		}
	}
	return nil
}

// hide has the host lack a file that the machine has.
func hide(upper, path string) error {
	if err := os.MkdirAll(filepath.Join(upper, filepath.Dir(path)), 0o755); err != nil {
		return fmt.Errorf("hide %s: %w", path, err)
	}
	// A character device 0:0 is overlayfs's mark for a deleted file.
	err := unix.Mknod(filepath.Join(upper, path), unix.S_IFCHR, 0)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("hide %s: %w", path, err)
	}
	return nil
}

// fillBusybox leaves the host no commands but busybox's applets and sshd.
func fillBusybox(s spec, upper string) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("find busybox (Debian and Ubuntu: apt-get install busybox-static): %w", err)
	}
	applets, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return fmt.Errorf("list busybox applets: %w", err)
	}
	for _, dir := range []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"} {
		if err := emptyDir(upper, dir); err != nil {
			return err
		}
	}
	for from, to := range map[string]string{busybox: "/usr/bin/busybox", s.Sshd: s.Sshd} {
		if err := copyProgram(from, filepath.Join(upper, to)); err != nil {
			return err
		}
	}
	return linkApplets(upper, strings.Fields(string(applets)))
}

// linkApplets fills /usr/bin, and /bin where that is another folder.
func linkApplets(upper string, applets []string) error {
	dirs := []string{"usr/bin"}
	if info, err := os.Lstat(filepath.Join(upper, "bin")); err == nil && info.IsDir() {
		dirs = append(dirs, "bin")
	}
	for _, dir := range dirs {
		for _, a := range applets {
			err := os.Symlink("/usr/bin/busybox", filepath.Join(upper, dir, a))
			if err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("link busybox applet: %w", err)
			}
		}
	}
	return nil
}

// emptyDir hides what the machine has in dir. A link, as /bin is on most
// systems, stays one.
func emptyDir(upper, dir string) error {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return nil // nothing to hide
	}
	return opaqueDir(upper, dir)
}

// opaqueDir is an empty folder of the host's own, whatever the machine has there,
// now or later.
func opaqueDir(upper, dir string) error {
	path := filepath.Join(upper, dir)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return fmt.Errorf("hide %s: %w", dir, err)
	}
	if err := unix.Setxattr(path, "trusted.overlay.opaque", []byte("y"), 0); err != nil {
		return fmt.Errorf("hide %s: %w", dir, err)
	}
	return nil
}

func copyProgram(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copy program: %w", err)
	}
	if err := os.WriteFile(to, data, 0o755); err != nil {
		return fmt.Errorf("copy program: %w", err)
	}
	return nil
}
