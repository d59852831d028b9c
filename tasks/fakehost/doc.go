// Package fakehost is a state.Host in memory with those of the kernel's rules that
// plans stumble over: what comes and goes with what, and what is refused. It
// passes the same laws as the real host. It knows nothing of tasks, and it
// forwards no packet.
package fakehost
