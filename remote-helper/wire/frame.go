package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// MaxFrame bounds a frame's payload, in bytes: what a whole play's tasks with
// their files may come to.
const MaxFrame = 128 << 20

// Frame types.
const (
	frameJSON = 'J' // one Request or Event
	frameBlob = 'B' // bytes of a file; an empty one ends it
)

// Magic is the line that a helper with that hash prints first. Whatever a login
// shell prints before it is skipped.
func Magic(hash string) string { return "netrun-helper " + hash + "\n" }

// Writer writes frames. It is safe for concurrent use.
type Writer struct {
	mu sync.Mutex
	w  *bufio.Writer
}

// NewWriter is a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: bufio.NewWriterSize(w, 64<<10)} }

// JSON writes v as one frame and flushes it.
func (w *Writer) JSON(v any) error { return w.write(v, true) }

// Queue writes v without flushing: for messages that travel together with the next.
func (w *Writer) Queue(v any) error { return w.write(v, false) }

func (w *Writer) write(v any, flush bool) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.frame(frameJSON, raw); err != nil {
		return err
	}
	if !flush {
		return nil
	}
	return w.w.Flush()
}

// Blob writes the JSON message v and, behind it, all of r as blob frames.
func (w *Writer) Blob(v any, r io.Reader) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.frame(frameJSON, raw); err != nil {
		return err
	}
	buf := make([]byte, 128<<10)
	for {
		n, readErr := r.Read(buf)
		if n > 0 {
			if err := w.frame(frameBlob, buf[:n]); err != nil {
				return err
			}
		}
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			return fmt.Errorf("read file to send: %w", readErr)
		}
	}
	if err := w.frame(frameBlob, nil); err != nil {
		return err
	}
	return w.w.Flush()
}

func (w *Writer) frame(kind byte, payload []byte) error {
	if len(payload) > MaxFrame {
		return fmt.Errorf("message of %d bytes is over the limit of %d", len(payload), MaxFrame)
	}
	var head [5]byte
	head[0] = kind
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	if _, err := w.w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.w.Write(payload)
	return err
}

// Reader reads frames. It is not safe for concurrent use.
type Reader struct{ r *bufio.Reader }

// NewReader is a Reader from r.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReaderSize(r, 64<<10)} }

// JSON reads the next frame into v. io.EOF, unwrapped, is a clean end.
func (r *Reader) JSON(v any) error {
	kind, payload, err := r.frame()
	if err != nil {
		return err
	}
	if kind != frameJSON {
		return fmt.Errorf("read message: frame type %q where a message was due", kind)
	}
	if err := json.Unmarshal(payload, v); err != nil {
		return fmt.Errorf("decode message: %w", err)
	}
	return nil
}

// Blob copies the blob frames that follow to w, up to the empty one.
func (r *Reader) Blob(w io.Writer) error {
	for {
		kind, payload, err := r.frame()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if kind != frameBlob {
			return fmt.Errorf("read file: frame type %q where bytes were due", kind)
		}
		if len(payload) == 0 {
			return nil
		}
		if _, err := w.Write(payload); err != nil {
			return err
		}
	}
}

func (r *Reader) frame() (byte, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0] != frameJSON && head[0] != frameBlob {
		return 0, nil, fmt.Errorf("read message: unknown frame type %q (something else prints into the session?)", head[0])
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > MaxFrame {
		return 0, nil, fmt.Errorf("read message: %d bytes are over the limit of %d", size, MaxFrame)
	}
	payload, err := readPayload(r.r, int(size))
	if err != nil {
		return 0, nil, fmt.Errorf("read message: %w", err)
	}
	return head[0], payload, nil
}

// readPayload grows its buffer as bytes come, so that a lying length costs nothing.
func readPayload(r io.Reader, size int) ([]byte, error) {
	const step = 1 << 20
	buf := make([]byte, 0, min(size, step))
	for len(buf) < size {
		n := min(size-len(buf), step)
		buf = append(buf, make([]byte, n)...)
		if _, err := io.ReadFull(r, buf[len(buf)-n:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return buf, nil
}
