package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pkg/sftp"

	"netrun/cmd/netrun/internal/dial"
	"netrun/cmd/netrun/internal/dial/sshdtest"
)

// fresh gives the server places of its own, so that nothing that a test pushes
// stays on this machine. Each place is a tmpfs.
const fresh = `
mount --make-rprivate /
mount --bind $DIR /mnt
for d in /var/lib /usr/local/lib /opt /var/tmp /tmp /dev/shm; do mount -t tmpfs -o mode=1777,size=64m tmpfs $d; done
mount -t tmpfs -o mode=755,size=64m tmpfs /run; mkdir -p /run/sshd
mount -t tmpfs -o mode=700,size=64m tmpfs /root
mkdir -p $DIR; mount --bind /mnt $DIR
`

const withSFTP = "Subsystem sftp internal-sftp\n"

// inServer runs a command on the server's own mounts.
func inServer(t testing.TB, conn dial.Conn, command string) string {
	t.Helper()
	s, err := conn.Start(t.Context(), command)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Stdin.Close()
	out, err := io.ReadAll(s.Stdout)
	if err := errors.Join(err, s.Wait()); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.TrimSpace(string(out))
}

// leftovers lists what a push must not leave behind.
func leftovers(t testing.TB, conn dial.Conn) string {
	t.Helper()
	return inServer(t, conn, `find /var/lib /usr/local/lib /opt /var/tmp /tmp /dev/shm /run /root -name ".netrun-helper-*"`)
}

func start(t testing.TB, opts sshdtest.Options) *sshdtest.Server {
	t.Helper()
	opts.Setup = fresh + opts.Setup
	return sshdtest.Start(t, opts)
}

func TestPushAndFind(t *testing.T) {
	for name, config := range map[string]string{"sftp": withSFTP, "stdin": ""} {
		t.Run(name, func(t *testing.T) {
			src := helperSource(t)
			conn := connect(t, start(t, sshdtest.Options{Config: config}))
			for _, want := range []string{"/var/lib/netrun/bin/", ""} {
				h, err := Open(t.Context(), conn, Options{Source: src})
				if err != nil {
					t.Fatal(err)
				}
				if h.Place != want {
					t.Errorf("place: got %q; want %q", h.Place, want)
				}
				if got, want := greet(t, h), `args ["serve" "--ssh" "127.0.0.1 `; !strings.HasPrefix(got, want) {
					t.Errorf("arguments: got %s; want %s...", got, want)
				}
			}
			if got := leftovers(t, conn); got != "" {
				t.Errorf("left behind: %s", got)
			}
		})
	}
}

// TestPlaces makes the first places bad, each in its way, for each way to push.
func TestPlaces(t *testing.T) {
	tests := map[string]struct{ setup, place string }{
		"read-only":       {"mount -o remount,ro /var/lib", "/usr/local/lib/netrun/"},
		"noexec":          {"mount -o remount,noexec /var/lib; mount -o remount,noexec /usr/local/lib", "/root/.cache/netrun/"},
		"full":            {"mount -o remount,size=1m /var/lib", "/usr/local/lib/netrun/"},
		"others may":      {"mkdir -p /var/lib/netrun/bin; chmod 777 /var/lib/netrun/bin", "/usr/local/lib/netrun/"},
		"others own":      {"mkdir -p /var/lib/netrun/bin; chown 65534 /var/lib/netrun/bin", "/usr/local/lib/netrun/"},
		"link":            {"mkdir -p /opt/x /var/lib/netrun; ln -s /opt/x /var/lib/netrun/bin", "/usr/local/lib/netrun/"},
		"file in the way": {"touch /var/lib/netrun /usr/local/lib/netrun", "/root/.cache/netrun/"},
		"no home":         {"for d in /var/lib /usr/local/lib; do mount -o remount,ro $d; done; umount /root; mount -t tmpfs -o ro tmpfs /root", "/opt/netrun/"},
	}
	for name, tt := range tests {
		for way, config := range map[string]string{"sftp": withSFTP, "stdin": ""} {
			t.Run(name+" by "+way, func(t *testing.T) {
				src := helperSource(t)
				conn := connect(t, start(t, sshdtest.Options{Config: config, Setup: tt.setup}))
				h, err := Open(t.Context(), conn, Options{Source: src})
				if err != nil {
					t.Fatal(err)
				}
				greet(t, h)
				if h.Place != tt.place {
					t.Errorf("place: got %q; want %q", h.Place, tt.place)
				}
				again, err := Open(t.Context(), conn, Options{Source: src})
				if err != nil || again.Place != "" {
					t.Errorf("second time: got %+v, %v; want it found", again, err)
				}
				if got := leftovers(t, conn); got != "" {
					t.Errorf("left behind: %s", got)
				}
			})
		}
	}
}

func TestNoPlaceAtAll(t *testing.T) {
	conn := connect(t, start(t, sshdtest.Options{Config: withSFTP, Setup: `
for d in /var/lib /usr/local/lib; do mount -o remount,ro $d; done
for d in /opt /var/tmp; do mount -o remount,noexec $d; done
for d in /tmp /dev/shm; do mount -o remount,size=1m $d; done
mkdir -m 777 /run/netrun; umount /root; mount -t tmpfs -o ro tmpfs /root`}))
	_, err := Open(t.Context(), conn, Options{Source: helperSource(t)})
	if err == nil {
		t.Fatal("got a helper; want an error")
	}
	got := strings.Split(err.Error(), "\n")
	for i, want := range []string{"start helper: no place on the host can hold and run the helper:", "/var/lib/netrun/bin: ", "/usr/local/lib/netrun: ",
		"/root/.cache/netrun: ", "/opt/netrun: ", "/var/tmp/netrun-0: ", "/tmp/netrun-0: no space: ", "/dev/shm/netrun-0: no space: ", "/run/netrun: others own it or may write to it"} {
		if i >= len(got) || !strings.HasPrefix(strings.TrimSpace(got[i]), want) {
			t.Fatalf("line %d: got\n%v\nwant %q", i, err, want)
		}
	}
	for i, want := range map[int]string{1: "Read-only file system", 4: "/opt/netrun: programs do not run here, as on a noexec mount: Permission denied"} {
		if !strings.Contains(got[i], want) {
			t.Errorf("cause: got %q; want %q", got[i], want)
		}
	}
	if got := leftovers(t, conn); got != "" {
		t.Errorf("left behind: %s", got)
	}
}

func TestCorruptUpload(t *testing.T) {
	src := helperSource(t)
	src.raw = append(src.raw, 'x')
	conn := connect(t, start(t, sshdtest.Options{}))
	_, err := Open(t.Context(), conn, Options{Source: src})
	if !errors.Is(err, errNoPlace) || !strings.Contains(err.Error(), "/var/lib/netrun/bin: install: sha256 is ") {
		t.Errorf("got %v; want the helper's own refusal", err)
	}
	if got := leftovers(t, conn); got != "" {
		t.Errorf("left behind: %s", got)
	}
}

// TestForeignHelperIsNotRun: a file of the right name that somebody else could
// have put there, or could change, is passed over.
func TestForeignHelperIsNotRun(t *testing.T) {
	src := helperSource(t)
	plant := func(dir, more string) string {
		name := dir + "/netrun-helper-" + src.hash[:shortHash]
		return fmt.Sprintf("mkdir -p %s; printf '#!/bin/sh\\necho netrun-helper %s; echo planted\\n' > %s; chmod 755 %s; %s\n", dir, src.hash[:shortHash], name, name, strings.ReplaceAll(more, "F", name))
	}
	for name, setup := range map[string]string{
		"owned by others":       plant("/var/lib/netrun/bin", "chown 65534 F"),
		"writable":              plant("/tmp/netrun-0", "chmod 775 F"),
		"directory of others":   plant("/tmp/netrun-0", "chown 65534 /tmp/netrun-0"),
		"directory is writable": plant("/tmp/netrun-0", "chmod 1777 /tmp/netrun-0"),
		"link":                  plant("/opt/x", "") + fmt.Sprintf("mkdir -p /var/lib/netrun/bin; ln -s /opt/x/netrun-helper-%s /var/lib/netrun/bin/", src.hash[:shortHash]),
	} {
		t.Run(name, func(t *testing.T) {
			conn := connect(t, start(t, sshdtest.Options{Setup: setup}))
			h, err := Open(t.Context(), conn, Options{Source: src})
			if err != nil {
				t.Fatal(err)
			}
			if got := greet(t, h); !strings.HasPrefix(got, "args") {
				t.Errorf("ran %q; want our own helper", got)
			}
		})
	}
}

// TestHelperThatDoesNotRun lies at its place for another architecture.
func TestHelperThatDoesNotRun(t *testing.T) {
	src := helperSource(t)
	name := "/var/lib/netrun/bin/netrun-helper-" + src.hash[:shortHash]
	conn := connect(t, start(t, sshdtest.Options{Config: withSFTP, Setup: "mkdir -p /var/lib/netrun/bin; printf '\\177ELF\\002\\001\\001' > " + name + "; chmod 755 " + name}))
	h, err := Open(t.Context(), conn, Options{Source: src})
	if err != nil {
		t.Fatal(err)
	}
	greet(t, h)
	if h.Place != "/var/lib/netrun/bin/" {
		t.Errorf("place: got %q; want it replaced", h.Place)
	}
}

func TestStaleUploadsAreRemoved(t *testing.T) {
	conn := connect(t, start(t, sshdtest.Options{Setup: "mkdir -p /var/lib/netrun/bin; cd /var/lib/netrun/bin; touch -d '2 hours ago' .netrun-helper-1; touch .netrun-helper-2; cd /"}))
	h, err := Open(t.Context(), conn, Options{Source: helperSource(t)})
	if err != nil {
		t.Fatal(err)
	}
	greet(t, h)
	if got, want := leftovers(t, conn), "/var/lib/netrun/bin/.netrun-helper-2"; got != want {
		t.Errorf("left: got %q; want %q: it may be an upload under way", got, want)
	}
}

// cutConn breaks the connection when the upload begins.
type cutConn struct{ dial.Conn }

func (c cutConn) SFTP() (*sftp.Client, error) {
	c.Conn.Close()
	return nil, dial.ErrNoSFTP
}

func TestCutDuringUpload(t *testing.T) {
	s := start(t, sshdtest.Options{})
	if _, err := Open(t.Context(), cutConn{connect(t, s)}, Options{Source: helperSource(t)}); err == nil {
		t.Fatal("got a helper; want an error")
	}
	conn := connect(t, s)
	for range 100 { // the host notices the end a moment later than we do
		if leftovers(t, conn) == "" {
			return
		}
	}
	t.Errorf("left behind: %s", leftovers(t, conn))
}

func TestCancelledOpen(t *testing.T) {
	conn := connect(t, start(t, sshdtest.Options{}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, conn, Options{Source: helperSource(t)}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context.Canceled", err)
	}
}

func TestNoise(t *testing.T) {
	src := helperSource(t)
	run := func(t *testing.T, force string) (*Helper, error) {
		s := start(t, sshdtest.Options{Config: "ForceCommand " + force + "\n"})
		return Open(t.Context(), connect(t, s), Options{Source: src})
	}
	h, err := run(t, `echo "Welcome"; printf "NETRUN-NO x: y\nlast "; eval "$SSH_ORIGINAL_COMMAND"`)
	if err != nil {
		t.Fatal(err)
	}
	greet(t, h)
	if _, err := run(t, "yes noise"); !errors.Is(err, errNoise) {
		t.Errorf("endless noise: got %v; want errNoise", err)
	}
	_, err = run(t, `echo This account is not available; exit 1`)
	if want := `start helper: exit status 1; it printed "This account is not available"`; fmt.Sprint(err) != want {
		t.Errorf("no shell: got %v; want %s", err, want)
	}
}

// TestShells runs the one line by each shell that this machine has, over a local
// connection in a namespace of its own.
func TestShells(t *testing.T) {
	for _, shell := range []string{"dash", "bash", "busybox sh", "zsh", "fish", "tcsh", "ksh", "mksh"} {
		t.Run(shell, func(t *testing.T) {
			bin, err := exec.LookPath(strings.Fields(shell)[0])
			if err != nil {
				t.Skipf("probed %s: %v", shell, err)
			}
			arg := strings.TrimPrefix(shell, strings.Fields(shell)[0])
			conn := connect(t, start(t, sshdtest.Options{Config: fmt.Sprintf("ForceCommand %s%s -c \"$SSH_ORIGINAL_COMMAND\"\n", bin, arg)}))
			h, err := Open(t.Context(), conn, Options{Source: helperSource(t)})
			if err != nil {
				t.Fatal(err)
			}
			greet(t, h)
		})
	}
}

// TestBusyboxOnly has a host with nothing but busybox, /bin/sh included.
func TestBusyboxOnly(t *testing.T) {
	bin, err := exec.LookPath("busybox")
	if err != nil {
		t.Skipf("probed busybox: %v", err)
	}
	root := t.TempDir()
	for _, dir := range []string{"bin", "dev", "etc", "root", "tmp", "var/lib", "proc"} {
		if err := os.MkdirAll(root+"/"+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/bin/busybox", text, 0o755); err != nil {
		t.Fatal(err)
	}
	// The chroot starts the login shell that the machine's passwd names.
	if err := os.WriteFile(root+"/bin/bash", []byte("#!/bin/sh\nexec /bin/sh \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chroot", root, "/bin/busybox", "--install", "-s", "/bin").CombinedOutput(); err != nil {
		t.Skipf("probed chroot %s busybox: %v: %s", root, err, out)
	}
	s := sshdtest.Start(t, sshdtest.Options{Config: "ChrootDirectory /mnt\n",
		Setup: fmt.Sprintf("mount --make-rprivate /; mount --bind %s /mnt; mount -t tmpfs tmpfs /mnt/dev; mknod -m 666 /mnt/dev/null c 1 3", root)})
	h, err := Open(t.Context(), connect(t, s), Options{Source: helperSource(t)})
	if err != nil {
		t.Fatal(err)
	}
	if got := greet(t, h); h.Place != "/var/lib/netrun/bin/" || !strings.HasPrefix(got, "args") {
		t.Errorf("got place %q, %s; want /var/lib/netrun/bin/", h.Place, got)
	}
}
