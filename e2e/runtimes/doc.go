// Package runtimes starts real container runtimes for a test: a dockerd with a
// network of its own, and podman with a storage of its own, each in a folder on
// disk that goes away with the test. It knows nothing of netrun.
package runtimes
