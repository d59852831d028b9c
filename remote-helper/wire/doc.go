// Package wire is the protocol between netrun and its remote helper: frames,
// requests and events, as PROTOCOL.md describes them. Both sides are built from
// it. It knows no SSH, no kernel and no playbook syntax.
package wire
