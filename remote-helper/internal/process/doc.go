// Package process tells processes of this machine apart: a number alone does not,
// since numbers are used again.
package process
