// Package linuxhost is the state.Host of a real Linux machine: links, addresses,
// routes, rules and neighbours by netlink, kernel parameters through /proc/sys,
// packet filter rules by iptables-save and iptables-restore, Open vSwitch by
// ovs-vsctl, and files.
//
// It knows objects and changes only. It does not know tasks, plans, journals or
// the wire, it decides nothing about order, and it undoes nothing: it carries out
// the changes that it is given and reports what is there.
package linuxhost
