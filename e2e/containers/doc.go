// Package containers tests what netrun does with real containers: as hosts that it
// reaches by their runtime's exec. It has only tests.
package containers
