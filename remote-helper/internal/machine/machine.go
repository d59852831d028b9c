// Package machine is the host as an act sees it (tasks.Machine): it runs programs,
// enters network namespaces and gathers facts. It knows no objects and no play.
package machine

import (
	"bytes"
	"fmt"
)

// MaxOutput is how much of each output stream of a program is kept, in bytes.
const MaxOutput = 1 << 20

// bounded keeps the first MaxOutput bytes and counts the rest.
type bounded struct {
	buf  bytes.Buffer
	over int
}

// Write implements io.Writer; it never fails, so that the program is not stopped.
func (b *bounded) Write(p []byte) (int, error) {
	room := MaxOutput - b.buf.Len()
	if room < len(p) {
		b.over += len(p) - max(room, 0)
		b.buf.Write(p[:max(room, 0)])
		return len(p), nil
	}
	return b.buf.Write(p)
}

func (b *bounded) String() string {
	if b.over == 0 {
		return b.buf.String()
	}
	return fmt.Sprintf("%s\n[%d bytes more were cut]", b.buf.String(), b.over)
}
