package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"netrun/e2e/rig"
)

// machine describes this machine and the programs that are compared.
func machine(ctx context.Context, netrun string) string {
	lines := []string{
		fmt.Sprintf("- machine: %s, %d cores, %s memory, Linux %s", field("/proc/cpuinfo", "model name"), runtime.NumCPU(),
			memory(), firstLine("/proc/sys/kernel/osrelease")),
		"- netrun: " + said(ctx, netrun, "version"),
		"- Go: " + runtime.Version(),
		"- OpenSSH: " + said(ctx, "ssh", "-V"),
		"- Ansible: " + said(ctx, "ansible", "--version"),
	}
	return strings.Join(lines, "\n")
}

// said is the first line that a program prints, wherever it prints it.
func said(ctx context.Context, argv ...string) string {
	r, err := rig.Run(ctx, rig.Command{Argv: argv})
	if err != nil {
		return "not installed"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(r.Stdout+r.Stderr), "\n")
	return line
}

func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// field is the value after "name:" in a file such as /proc/cpuinfo.
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func memory() string {
	kib := 0
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kib); err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%d GiB", kib>>20)
}
