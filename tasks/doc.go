// Package tasks holds the task kinds, one file each: their arguments, the check
// of those arguments, and the objects that they want.
//
// A task is a pure function from its arguments to objects. Reading, comparing,
// planning, applying and undoing are not here but, once for all, in
// tasks/reconcile. The few kinds that are acts (command, service, ...) run on the
// host through a Machine. The package knows nothing of YAML, templates or SSH,
// and has no build tags: the controller lints with the code that the host runs.
package tasks
