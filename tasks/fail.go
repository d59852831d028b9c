package tasks

// Fail ends the host's play.
type Fail struct {
	Msg string `arg:"msg" default:"failed as requested" doc:"why"`
}

func init() {
	Register(Kind{Name: "fail", Short: "fail with a message", Free: "msg", New: func() Task { return new(Fail) }})
}

// Check implements Task.
func (f *Fail) Check() error { return nil }

// Inline implements Inline.
func (f *Fail) Inline(Vars) (Outcome, error) {
	return Outcome{}, &Failure{Msg: f.Msg, Data: map[string]any{"msg": f.Msg}}
}
