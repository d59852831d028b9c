// Package script is a play compiled for one host, and its interpreter.
//
// The controller compiles and the host interprets, both with this package, so
// that what a condition or a loop means is written once. A script carries
// values that are known already, and templates and conditions (see package
// templates) for what only the host can know: registered results, facts.
//
// The package knows task kinds only through package tasks, and a host only
// through Executor. It knows nothing of YAML, inventories, SSH or the kernel.
package script
