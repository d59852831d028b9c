// Package playbooks loads playbooks and compiles their plays for hosts.
//
// Loading reads every file that a playbook leads to and checks everything that can
// be checked without an inventory; compiling takes the hosts and their variables,
// evaluates what does not depend on the hosts' run time, and gives each host a
// script (see package script). Both report all mistakes at once, with their places.
//
// The package knows YAML, roles, includes, variables and tags. It knows task kinds
// by their registry, and does not know how hosts are reached or changed.
package playbooks
