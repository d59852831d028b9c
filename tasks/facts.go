package tasks

import "context"

// Facts reads the facts of the host.
type Facts struct{}

func init() {
	Register(Kind{Name: "facts", Short: "read the facts of the host", New: func() Task { return new(Facts) }})
}

// Check implements Task.
func (f *Facts) Check() error { return nil }

// Reads implements Reader.
func (f *Facts) Reads() {}

// Needed implements Act.
func (f *Facts) Needed(context.Context, Machine) (string, error) { return "read the facts", nil }

// Do implements Act. The facts become the variable facts, and what register gets.
func (f *Facts) Do(ctx context.Context, m Machine) (Outcome, error) {
	facts, err := m.Facts(ctx)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Data: facts, Facts: map[string]any{"facts": facts}}, nil
}
