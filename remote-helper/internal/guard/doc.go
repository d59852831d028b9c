// Package guard is the process that undoes a play when the process that runs it
// cannot any more: it is killed, it hangs, or the connection that it serves takes
// it along. It runs only while a change is under way that SSH itself hangs on.
package guard
