//go:build linux

// The remote helper runs on the hosts that netrun works on. The controller pushes
// it there and talks to it over SSH; nobody calls it by hand.
package main

import (
	"os"

	"netrun/remote-helper/internal/command"
)

func main() { os.Exit(command.Main(os.Args)) }
