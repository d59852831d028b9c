// Package command is the helper's command line: serve (one connection's
// requests), guard, restore and watch (of the services), install and version.
package command
