// Package e2e holds the tests of the whole of netrun on real hosts: labs with real
// OpenSSH servers, driven by the command line alone. It has no code of its own;
// what tests and benchmarks share is in package rig.
package e2e
