// Package state describes what a host's network is made of: objects, their
// keys, the changes between two states, and the Host that reads and writes them.
//
// Objects are small plain structs (a link, an address, a route, a chain of
// iptables rules, a file). A field at its zero value means "leave it as it is".
// The package compares, merges and encodes any object by reflection, so that no
// object carries code for it. It uses the standard library only, touches no
// machine, and knows nothing of tasks, playbooks or the wire.
package state
