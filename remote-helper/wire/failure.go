package wire

import "errors"

// FailureKind says what sort of thing went wrong; retry and exit code hang on it.
type FailureKind string

// The kinds of failures that cross the wire.
const (
	FailTask     FailureKind = "task"     // a task failed
	FailLocked   FailureKind = "locked"   // another play is at work on the host
	FailVerify   FailureKind = "verify"   // the host is not as it was wanted
	FailConfirm  FailureKind = "confirm"  // nobody confirmed within the deadline
	FailCanceled FailureKind = "canceled" // the controller asked to stop, or went away
	FailUndo     FailureKind = "undo"     // something could not be put back
	FailHost     FailureKind = "host"     // the host itself: no space, no permission, ...
)

// Failed is an error on its way to the controller. It implements error.
type Failed struct {
	Kind FailureKind `json:"kind"`
	Msg  string      `json:"msg"`
}

// Error implements error.
func (f *Failed) Error() string { return f.Msg }

// Fail is err as a Failed of that kind, unless it is one already.
func Fail(kind FailureKind, err error) *Failed {
	var failed *Failed
	if errors.As(err, &failed) {
		return failed
	}
	return &Failed{Kind: kind, Msg: err.Error()}
}
