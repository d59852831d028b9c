// Package command is the helper's command line: serve (one connection's
// requests), guard, install and version.
package command
