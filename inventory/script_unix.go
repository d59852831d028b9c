//go:build unix

package inventory

import (
	"os/exec"
	"syscall"
)

// ownGroup gives the command a process group, which is killed as a whole: a
// shell script's children would outlive it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
