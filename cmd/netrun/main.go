// netrun wires containers together across plain Linux hosts, over SSH.
package main

import (
	"context"
	"fmt"
	"os"

	"netrun/cmd/netrun/internal/cli"
)

// Set by the linker.
var version, commit string

func main() {
	p, err := cli.OS(version, commit)
	if err != nil {
		fmt.Fprintln(os.Stderr, "netrun:", err)
		os.Exit(1)
	}
	os.Exit(cli.Main(context.Background(), p))
}
