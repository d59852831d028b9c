// Package reconcile takes a host from the state it is in to the state that tasks
// want: observe, plan, apply, verify, undo. Each is written once, for all kinds
// of objects.
//
// It is pure over state.Host: it knows objects, but neither the kernel nor tasks,
// playbooks or the wire.
package reconcile
