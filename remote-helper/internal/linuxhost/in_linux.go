package linuxhost

import (
	"context"

	"netrun/tasks/state"
)

// In calls f on a thread that is in the scope's network namespace. A child process
// that f starts stays there.
func (h *Host) In(scope state.Scope, f func() error) error {
	s, err := h.open(context.Background())
	if err != nil {
		return err
	}
	defer s.close()
	sp, err := s.space(scope)
	if err != nil {
		return err
	}
	return s.thread.in(sp, f)
}
