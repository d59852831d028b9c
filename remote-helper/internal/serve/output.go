package serve

import (
	"io"
	"sync"
	"time"

	"netrun/remote-helper/wire"
)

// output sends events without ever blocking the play: a connection that hangs
// must not keep a host from undoing itself. Once a write goes wrong the rest is
// dropped, since nobody is there to read it.
type output struct {
	mu     sync.Mutex
	more   *sync.Cond
	queue  []wire.Event
	closed bool
	done   chan struct{}
	writer *wire.Writer
	err    error
}

func newOutput(w io.Writer) *output {
	o := &output{done: make(chan struct{}), writer: wire.NewWriter(w)}
	o.more = sync.NewCond(&o.mu)
	go o.run()
	return o
}

func (o *output) send(e wire.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = append(o.queue, e)
	o.more.Signal()
}

// file sends a file of the host. It waits for the reading, so that the file's
// content is that of its task.
func (o *output) file(e wire.File, r io.Reader) error {
	o.drain()
	return o.writer.Blob(wire.Event{File: &e}, r)
}

// drain waits until what was sent is written, or can not be.
func (o *output) drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queue) > 0 && o.err == nil {
		o.more.Wait()
	}
}

func (o *output) run() {
	defer close(o.done)
	for {
		o.mu.Lock()
		for len(o.queue) == 0 && !o.closed {
			o.more.Wait()
		}
		batch := o.queue
		o.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		err := o.write(batch)
		o.mu.Lock()
		o.queue = o.queue[len(batch):]
		if err != nil {
			o.err, o.queue = err, nil
		}
		o.more.Broadcast()
		o.mu.Unlock()
	}
}

func (o *output) write(batch []wire.Event) error {
	if o.err != nil {
		return o.err
	}
	for i, e := range batch {
		write := o.writer.Queue
		if i == len(batch)-1 {
			write = o.writer.JSON
		}
		if err := write(e); err != nil {
			return err
		}
	}
	return nil
}

// close writes what is left and ends the writer. A connection that takes nothing
// any more is given up after lastWords: the controller is gone, and the host is done.
func (o *output) close() {
	o.mu.Lock()
	o.closed = true
	o.more.Broadcast()
	o.mu.Unlock()
	select {
	case <-o.done:
	case <-time.After(lastWords):
	}
}

const lastWords = 5 * time.Second
