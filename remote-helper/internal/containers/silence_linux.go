package containers

import (
	"context"
	"sync"
	"time"
)

// What a runtime that hangs costs is paid once: a play asks for its containers several
// times, at planning, at applying, at verifying.
const (
	tooLong = 2 * time.Second  // for an error to be that of a runtime that hangs
	silence = 15 * time.Second // in which it is not asked again
)

// silences are the runtimes that hung when they were last asked, by runtime and user.
type silences struct {
	mu   sync.Mutex
	last map[[2]string]silent
}

type silent struct {
	since time.Time
	err   error
}

// list asks the runtime, unless it has just been silent.
func (f *Finder) list(ctx context.Context, r runtime, wants map[string]wanted) ([]summary, error) {
	if !f.Brief {
		return r.list(ctx, wants)
	}
	kind, user := r.who()
	if err := f.silences.remembered(kind, user); err != nil {
		return nil, err
	}
	began := time.Now()
	list, err := r.list(ctx, wants)
	if err != nil && ctx.Err() == nil && time.Since(began) > tooLong {
		f.silences.remember(kind, user, err)
	}
	return list, err
}

func (s *silences) remembered(kind, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[[2]string{kind, user}]; ok && time.Since(last.since) < silence {
		return last.err
	}
	return nil
}

func (s *silences) remember(kind, user string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[[2]string]silent{}
	}
	s.last[[2]string{kind, user}] = silent{time.Now(), err}
}
