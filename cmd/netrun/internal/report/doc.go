// Package report shows what happens in a netrun command: to a terminal with a
// live status block, as plain lines, or as one JSON event a line.
//
// It turns what the fleet reports into events (see Event), keeps the counts per
// host for the recap, and remembers what failed. It knows the wire protocol's
// messages; it knows no playbook, no connection and no exit code.
package report
