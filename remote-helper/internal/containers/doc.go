// Package containers asks the container runtimes of a host, Docker over its socket
// and podman by its command, which containers there are and what becomes of them.
// It knows nothing of networks, and changes nothing.
package containers
