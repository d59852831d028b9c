// Package templates evaluates the templates and conditions of playbooks.
//
// A template is a text with actions of text/template ({{ .name }}); a text that
// is one action and nothing else gives the action's value, be it a list, a map or
// a number. A condition is an expression of github.com/expr-lang/expr. Both can
// say which variables they refer to, without being run, and both are bounded in
// what they compute and put out, since a variable may come from anywhere.
//
// Variables are looked up when they are needed, and those whose value is itself a
// template are evaluated then. Functions see their arguments and nothing else: no
// file, no environment, no clock, no process.
package templates
