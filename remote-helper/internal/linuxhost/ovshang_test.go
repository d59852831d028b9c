//go:build linux

package linuxhost

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// Where ovs-vswitchd hangs, the play fails once it has waited, and its undo does not wait again.
func TestOVSHangs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	startOVS(r)
	var pidfile string
	for _, v := range r.host.cfg.Environ {
		if dir, ok := strings.CutPrefix(v, "OVS_RUNDIR="); ok {
			pidfile = filepath.Join(dir, "ovs-vswitchd.pid")
		}
	}
	raw, err := os.ReadFile(pidfile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	r.Cleanup(func() { unix.Kill(pid, unix.SIGCONT) })
	p := reconcile.New(r.host, reconcile.Options{})
	wants := state.Present(state.OVSBridge{Name: "nrbr0"}, state.OVSPort{Name: "p0", Bridge: "nrbr0", Type: "internal"}, state.OVSPort{Name: "p1", Bridge: "nrbr0", Type: "internal"})
	if _, err := p.Plan(t.Context(), 1, wants); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	err = p.Apply(t.Context())
	var batch *reconcile.BatchError
	if !errors.As(err, &batch) || batch.Undo != nil || !strings.Contains(err.Error(), "ovs-vswitchd does not do what the database says") {
		t.Errorf("got %v; want that ovs-vswitchd does not answer, and that all is undone", err)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("it took %s; want the 20 s of one ovs-vsctl", took)
	}
	r.lack(state.OVSBridge{Name: "nrbr0"}.Key(), state.OVSPort{Name: "p0"}.Key())
}
