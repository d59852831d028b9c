//go:build !unix

package dial

import "os/exec"

func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func signalName(*exec.ExitError) string { return "" }
