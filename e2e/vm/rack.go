package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Rack is a pair of machines with two wires between them.
type Rack struct {
	Machines   [2]*Machine
	Inventory  string // for netrun: the machines are in the group vms, n is 1 or 2, other the other
	KnownHosts string

	image Image
	dir   string
	accel string
}

// Open switches a pair of machines on, with disks of their own in dir, in the place
// of whatever is there, and waits until they are up.
func Open(ctx context.Context, image Image, dir string) (*Rack, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	r := &Rack{image: image, dir: dir, Inventory: filepath.Join(dir, "inventory.ini"), KnownHosts: filepath.Join(dir, "known_hosts")}
	r.accel = accel(ctx, image)
	for i := range r.Machines {
		m, err := r.assemble(i)
		if err != nil {
			return nil, err
		}
		r.Machines[i] = m
	}
	if err := r.describe(); err != nil {
		return nil, err
	}
	for _, m := range r.Machines {
		if err := m.Start(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	for _, m := range r.Machines {
		if err := m.WaitUp(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("%w\n%s", err, tail(m.Console(0), 40)), r.Close())
		}
	}
	return r, nil
}

// assemble gives a machine its disk and its port.
func (r *Rack) assemble(number int) (*Machine, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	m := &Machine{Name: fmt.Sprintf("vm%d", number+1), rack: r, port: port, number: number}
	out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", r.image.file("disk.raw"), m.file(".qcow2")).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("make disk of %s: %w: %s", m.Name, err, out)
	}
	return m, nil
}

// describe writes the inventory and the known hosts.
func (r *Rack) describe() error {
	key, err := os.ReadFile(r.image.file("host.pub"))
	if err != nil {
		return err
	}
	words := strings.Fields(string(key))
	if len(words) < 2 {
		return fmt.Errorf("read host key: %q", key)
	}
	var inventory, known strings.Builder
	inventory.WriteString("[vms]\n")
	for _, m := range r.Machines {
		fmt.Fprintf(&inventory, "%s ansible_host=127.0.0.1 ansible_port=%d n=%d other=%d\n", m.Name, m.port, m.number+1, 2-m.number)
		fmt.Fprintf(&known, "[127.0.0.1]:%d %s %s\n", m.port, words[0], words[1])
	}
	fmt.Fprintf(&inventory, "\n[vms:vars]\nansible_user=root\nansible_timeout=120\nansible_ssh_private_key_file=%s\n"+
		"ansible_ssh_common_args=\"-o UserKnownHostsFile=%s -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes\"\n",
		r.image.file("id"), r.KnownHosts)
	return errors.Join(
		os.WriteFile(r.Inventory, []byte(inventory.String()), 0o600),
		os.WriteFile(r.KnownHosts, []byte(known.String()), 0o600))
}

// Close takes the power from the machines and removes their disks.
func (r *Rack) Close() error {
	var errs []error
	for _, m := range r.Machines {
		if m != nil {
			errs = append(errs, m.Cut())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(r.dir))...)
}

// Accel is what runs the machines' processors: kvm or tcg.
func (r *Rack) Accel() string { return r.accel }

// accel is kvm where a guest really starts with it, which /dev/kvm does not show.
func accel(ctx context.Context, image Image) string {
	if _, err := os.Stat("/dev/kvm"); err != nil {
		return "tcg"
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // emulated, it takes 4
	defer cancel()
	args := append(accelerated("kvm"), "-m", "512", "-display", "none", "-nodefaults", "-no-user-config", "-no-reboot", "-serial", "stdio",
		"-kernel", image.file("vmlinuz"), "-initrd", image.file("initrd"), "-append", "console=ttyS0 quiet netrun.probe")
	out, err := exec.CommandContext(ctx, "qemu-system-x86_64", args...).Output()
	if err != nil || !strings.Contains(string(out), "netrun probe ok") {
		return "tcg"
	}
	return "kvm"
}

func accelerated(accel string) []string {
	if accel == "tcg" {
		accel += ",thread=multi"
	}
	return []string{"-accel", accel, "-cpu", "max"}
}

// tail is the last lines of a text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
