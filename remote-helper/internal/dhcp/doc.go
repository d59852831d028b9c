// Package dhcp is a DHCP client for IPv4 (RFC 2131): a process of its own for each
// link, started in the link's network namespace, that gets a lease, gives the link
// its address and routes, renews it, and ends with the link or the container. What
// it does is written in a record (a file), by which others find it.
//
// Messages are put together and taken apart by a library; the state machine and the
// sockets are here. It knows no objects, and nothing of plays.
package dhcp
