// Command summary reads what go test -json prints, from one run or several,
// and says it for people: a line for each package, the output of what failed,
// what was skipped and why, and at the end "N passed, N failed, N skipped".
// It exits with 1 if anything failed or nothing ran. It knows nothing of what
// the tests are about.
package main

import (
	"fmt"
	"os"
)

func main() {
	s := newSummary(os.Stdout)
	if err := s.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(1)
	}
	if !s.close() {
		os.Exit(1)
	}
}
