// Package arp makes and sends the Ethernet frames by which a host tells its neighbours
// where an IPv4 address is. It knows nothing of who has the address, or why.
package arp
