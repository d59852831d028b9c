// Package rig drives the netrun program as a person would: it builds it, brings
// labs up and down, runs it and looks at the lab's hosts from outside. The end to
// end tests and the benchmarks stand on it. It knows the command line and the
// files of a lab, and nothing of what is inside netrun.
package rig
