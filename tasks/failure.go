package tasks

// Failure is the error of a task that ran and did not succeed: a command with
// another status than 0, an assertion that does not hold. Data is what register
// and failed_when see of it, as in Outcome.
type Failure struct {
	Msg  string
	Data map[string]any
}

// Error implements error.
func (f *Failure) Error() string { return f.Msg }
