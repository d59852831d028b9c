package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Root returns the folder of the module that the working directory is in.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("find module: no go.mod above the working directory")
		}
		dir = up
	}
}

// Build makes netrun with its helpers, and returns the program's path. The
// environment variable E2E_NETRUN names one that is there already.
func Build(ctx context.Context) (string, error) {
	if path := os.Getenv("E2E_NETRUN"); path != "" {
		return filepath.Abs(path)
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	if _, err := Output(ctx, Command{Argv: []string{"make", "--no-print-directory", "build"}, Dir: root}); err != nil {
		return "", fmt.Errorf("build netrun: %w", err)
	}
	return filepath.Join(root, "bin", "netrun"), nil
}

// Missing says what this machine lacks for labs and the tests on them: "" if
// nothing. It probes, it does not guess.
func Missing() string {
	if os.Geteuid() != 0 {
		return "not root: labs need namespaces, mounts and bridges"
	}
	var absent []string
	for _, program := range []string{"make", "ssh", "sshd", "ip", "iptables", "sysctl", "ping", "nsenter", "unshare", "busybox", "dockerd", "docker", "podman", "ovs-vswitchd"} {
		if _, err := exec.LookPath(program); err != nil {
			absent = append(absent, program)
		}
	}
	if len(absent) > 0 {
		return "no " + strings.Join(absent, ", ") + " on this machine"
	}
	if out, err := exec.Command("unshare", "--net", "--mount", "--uts", "--pid", "--fork", "true").CombinedOutput(); err != nil {
		return fmt.Sprintf("unshare --net --mount --uts --pid: %v: %s", err, out)
	}
	return ""
}
