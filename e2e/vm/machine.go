package vm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// The network cards of a machine, as udev names them.
const (
	Uplink = "ens3" // SSH comes in here, and nothing goes out
	Wire   = "ens4" // leads to the other machine
	Spare  = "ens5" // leads to the other machine too: to be moved about
)

// Machine is a virtual machine with a disk of its own.
type Machine struct {
	Name string

	rack   *Rack
	port   int // of 127.0.0.1, which leads to its sshd
	number int // 0 or 1
	client *ssh.Client
	ended  chan struct{} // closed when QEMU is gone
	pid    int
}

// SpareMAC is the address of the machine's spare card.
func (m *Machine) SpareMAC() string { return mac(m.number, 2) }

func mac(machine, card int) string { return fmt.Sprintf("52:54:00:00:%02x:%02x", machine+1, card+1) }

func (m *Machine) file(suffix string) string { return filepath.Join(m.rack.dir, m.Name+suffix) }

// arguments are those of QEMU, which runs in the rack's folder: paths of sockets
// must be short.
func (m *Machine) arguments() []string {
	image := m.rack.image
	args := append(accelerated(m.rack.accel),
		"-name", m.Name, "-m", "1024", "-smp", "2", "-display", "none", "-nodefaults", "-no-user-config",
		"-kernel", image.file("vmlinuz"), "-initrd", image.file("initrd"),
		"-append", "console=ttyS0 quiet loglevel=4 apparmor=0 systemd.show_status=0 systemd.hostname="+m.Name+fmt.Sprintf(" systemd.machine_id=%032x", m.number+1),
		"-chardev", "file,id=console,append=on,path="+m.Name+".console", "-serial", "chardev:console",
		"-drive", "file="+m.Name+".qcow2,if=virtio,format=qcow2,cache=writeback",
		"-device", "virtio-rng-pci,addr=7",
		"-netdev", fmt.Sprintf("user,id=card0,restrict=on,net=10.0.2.0/24,hostfwd=tcp:127.0.0.1:%d-10.0.2.15:22", m.port))
	for card := 1; card <= 2; card++ {
		args = append(args, "-netdev", fmt.Sprintf("dgram,id=card%d,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s",
			card, wire(card, m.number), wire(card, 1-m.number)))
	}
	for card := range 3 {
		args = append(args, "-device", fmt.Sprintf("virtio-net-pci,netdev=card%d,mac=%s,addr=%d", card, mac(m.number, card), card+3))
	}
	return args
}

// wire is the socket of a machine's end of the wire that its card leads to.
func wire(card, machine int) string { return fmt.Sprintf("wire%d.%d", card, machine) }

// Start switches the machine on; WaitUp waits until it is up. It ends with this
// process, however that ends.
func (m *Machine) Start() error {
	for card := 1; card <= 2; card++ {
		if err := os.RemoveAll(filepath.Join(m.rack.dir, wire(card, m.number))); err != nil {
			return err
		}
	}
	cmd := exec.Command("qemu-system-x86_64", m.arguments()...)
	cmd.Dir = m.rack.dir
	said, err := os.OpenFile(m.file(".qemu"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = said, said
	// A group of its own, so that an interrupt reaches the tests first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	m.ended = make(chan struct{})
	started := make(chan error)
	go func() {
		defer close(m.ended)
		defer said.Close()
		// The signal is sent when the thread that started the process ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // killed, as a rule
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", m.Name, err)
	}
	m.pid = cmd.Process.Pid
	return nil
}

// Cut takes the power away: what the machine has not written to its disk is lost.
func (m *Machine) Cut() error {
	m.hangUp()
	if m.ended == nil {
		return nil
	}
	select {
	case <-m.ended:
		return nil
	default:
	}
	if err := syscall.Kill(m.pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill %s: %w", m.Name, err)
	}
	<-m.ended
	return nil
}

// Reboot has systemd reboot the machine, and waits until it is up again.
func (m *Machine) Reboot(ctx context.Context) error {
	const id = "cat /proc/sys/kernel/random/boot_id"
	before, err := m.Shell(ctx, id)
	if err != nil {
		return err
	}
	if _, err := m.Shell(ctx, "systemctl reboot --no-block"); err != nil {
		return err
	}
	m.hangUp()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		// While it goes down the old system may still answer.
		if now, err := m.Shell(ctx, id); err == nil && now != before {
			return m.WaitUp(ctx)
		}
		m.hangUp()
		if err := pause(ctx, time.Second); err != nil {
			return fmt.Errorf("reboot %s: %w", m.Name, err)
		}
	}
}

// patience is how long a machine may take to come up: two of them share the
// processors with whatever else runs, and are emulated.
const patience = 10 * time.Minute

// WaitUp waits until the machine has come up, and fails if a unit of it has not.
func (m *Machine) WaitUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		_, err := m.Shell(ctx, "true")
		if err == nil {
			break
		}
		select {
		case <-m.ended:
			said, _ := os.ReadFile(m.file(".qemu"))
			return fmt.Errorf("start %s: QEMU has ended: %s", m.Name, said)
		default:
		}
		if pause(ctx, time.Second) != nil {
			return fmt.Errorf("wait for %s: %w", m.Name, err)
		}
	}
	state, err := m.Shell(ctx, "systemctl is-system-running --wait || systemctl list-units --failed --plain --no-legend")
	if err == nil && strings.TrimSpace(state) != "running" {
		err = errors.New(state)
	}
	if err != nil {
		return fmt.Errorf("wait for %s: %w", m.Name, err)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Console returns what the machine has said on its console, from the offset on.
func (m *Machine) Console(offset int64) string {
	raw, err := os.ReadFile(m.file(".console"))
	if err != nil || int64(len(raw)) < offset {
		return fmt.Sprintf("no console of %s: %v", m.Name, err)
	}
	return string(raw[offset:])
}

// freePort is a port of the loopback that nobody listens on now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find port: %w", err)
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
