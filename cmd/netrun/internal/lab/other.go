//go:build !linux

package lab

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
)

func unsupported() error {
	return errors.New("lab needs Linux namespaces; this is " + runtime.GOOS)
}

// children is what a Lab owns on Linux.
type children struct{}

func (process) alive() bool { return false }

func netnsPath(name string) string { return name }

func up(context.Context, Config) (*Lab, error) { return nil, unsupported() }

func down(context.Context, *Lab) error { return unsupported() }

// Init is the first process of a host. It exists on Linux only.
func Init() error { return unsupported() }

func (process) run(context.Context, Command) error { return unsupported() }

func signalCode(*exec.ExitError) int { return 1 }
