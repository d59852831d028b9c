package linuxhost

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// thread is one operating system thread that moves between network namespaces
// and runs functions there. Everything that depends on the caller's namespace
// (/proc/sys/net, sockets, child processes) goes through it.
type thread struct {
	jobs chan func()
	at   *space // where the thread is; nil is where it came from
	done chan struct{}
}

func startThread() *thread {
	t := &thread{jobs: make(chan func()), done: make(chan struct{})}
	go t.run()
	return t
}

// run serves jobs until stop. A thread that finds no way back to its own
// namespace is not given back to the scheduler: it ends with this goroutine.
func (t *thread) run() {
	defer close(t.done)
	runtime.LockOSThread()
	own, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	for job := range t.jobs {
		job()
	}
	if err != nil {
		return
	}
	if unix.Setns(own, unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread()
	}
	unix.Close(own)
}

func (t *thread) stop() {
	close(t.jobs)
	<-t.done
}

// in runs fn in the space's namespace and gives its error.
func (t *thread) in(sp *space, fn func() error) error {
	result := make(chan error, 1)
	t.jobs <- func() {
		if t.at != sp {
			if err := enter(sp); err != nil {
				result <- fmt.Errorf("enter %s: %w", sp, err)
				return
			}
			t.at = sp
		}
		result <- fn()
	}
	return <-result
}

// enter moves the calling thread. Where that is not allowed at all, as in a
// container with NET_ADMIN and no SYS_ADMIN, the namespace that we are in will do.
func enter(sp *space) error {
	err := unix.Setns(sp.fd, unix.CLONE_NEWNET)
	if err != unix.EPERM {
		return err
	}
	var here unix.Stat_t
	if unix.Stat("/proc/thread-self/ns/net", &here) == nil && here.Ino == sp.ino {
		return nil
	}
	return err
}
