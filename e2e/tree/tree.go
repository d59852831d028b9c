// Package tree holds the tests of the source tree itself: the house rules that a
// compiler does not know.
package tree
