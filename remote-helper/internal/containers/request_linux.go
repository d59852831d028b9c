package containers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// dockerPatience is how long a daemon may take for one answer.
	dockerPatience = 4 * time.Second
	// maxAnswer bounds what is read of one answer: 10,000 containers take 15 MB.
	maxAnswer = 64 << 20
)

// errLibpod says that podman answered at Docker's socket.
var errLibpod = errors.New("podman answers there")

// answer is the body of an answer. HTTP/1.0 has it end with the connection, and
// knows no chunks, so that a reader of lines is all that is needed: net/http would
// make the helper half as big again.
type answer struct {
	conn net.Conn
	left io.LimitedReader
	stop func() bool
}

// answerError is an answer with a status other than 200.
type answerError struct {
	status int
	said   string
}

func (e *answerError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.said) }

// request asks over the socket; ctx bounds the reading of the answer too.
func request(ctx context.Context, socket, path string) (*answer, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	a := &answer{conn: conn, left: io.LimitedReader{N: maxAnswer}}
	a.stop = context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	in := bufio.NewReader(conn)
	a.left.R = in
	_, err = io.WriteString(conn, "GET "+path+" HTTP/1.0\r\nHost: docker\r\nConnection: close\r\n\r\n")
	if err == nil {
		err = a.head(in)
	}
	if err != nil {
		a.close()
		return nil, a.why(ctx, err)
	}
	return a, nil
}

// head reads the status and the headers.
func (a *answer) head(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n') // 4 KiB at most
	if err != nil {
		return cutShort(err)
	}
	status, err := statusOf(string(line))
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		line, err := in.ReadSlice('\n')
		if err != nil || n > 100 {
			return cutShort(err)
		}
		text := strings.ToLower(strings.TrimSpace(string(line)))
		if strings.HasPrefix(text, "server: libpod/") {
			return errLibpod
		}
		if text == "" {
			break
		}
	}
	if status == 200 {
		return nil
	}
	said, _ := io.ReadAll(io.LimitReader(in, 300))
	return &answerError{status, strings.TrimSpace(string(said))}
}

func statusOf(line string) (int, error) {
	words := strings.Fields(line)
	if len(words) < 2 || !strings.HasPrefix(words[0], "HTTP/1.") {
		return 0, fmt.Errorf("%q is no answer of an HTTP server", strings.TrimSpace(line[:min(len(line), 80)]))
	}
	status, err := strconv.Atoi(words[1])
	if err != nil {
		return 0, fmt.Errorf("status %q is not a number", words[1])
	}
	return status, nil
}

// Read implements io.Reader.
func (a *answer) Read(p []byte) (int, error) { return a.left.Read(p) }

// refill lets a stream of events go on for ever.
func (a *answer) refill() { a.left.N = maxAnswer }

func (a *answer) close() {
	a.stop()
	a.conn.Close()
}

// why is the reason of a failed read: that of ctx, if that ended.
func (a *answer) why(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case a.left.N <= 0:
		return fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	return cutShort(err)
}

func cutShort(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the answer is cut short")
	}
	return err
}

// isRefused says that nobody listens at a socket.
func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist)
}
