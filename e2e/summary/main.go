// Command summary reads what go test -json prints, from one run or several,
// and says it for people: a line for each package, the output of what failed,
// what was skipped and why, and at the end "N passed, N failed, N skipped".
// With -v it passes on all that tests print, as they print it.
// It exits with 1 if anything failed or nothing ran. It knows nothing of what
// the tests are about.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	verbose := flag.Bool("v", false, "pass on all output")
	flag.Parse()
	s := newSummary(os.Stdout)
	s.verbose = *verbose
	if err := s.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(1)
	}
	if !s.close() {
		os.Exit(1)
	}
}
