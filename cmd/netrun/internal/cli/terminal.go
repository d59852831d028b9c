package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Terminal is where questions are asked: not standard input, which may be a pipe.
type Terminal interface {
	io.ReadWriter
	// ReadSecret reads a line that is not shown.
	ReadSecret() (string, error)
}

// asker asks questions on the terminal. It implements dial.Prompter.
type asker struct {
	terminal Terminal
	// suspend keeps other output away from the terminal while a question is asked.
	suspend func(ask func())
}

// Ask implements dial.Prompter.
func (k asker) Ask(ctx context.Context, prompt string, secret bool) (answer string, err error) {
	k.suspend(func() { answer, err = k.ask(ctx, prompt, secret) })
	return answer, err
}

// ask ends with the context too; the read that goes on then ends with the process.
func (k asker) ask(ctx context.Context, prompt string, secret bool) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if _, err := fmt.Fprint(k.terminal, prompt); err != nil {
		return "", fmt.Errorf("ask on the terminal: %w", err)
	}
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := k.read(secret)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		return l.text, l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (k asker) read(secret bool) (string, error) {
	if secret {
		text, err := k.terminal.ReadSecret()
		if err != nil {
			return "", fmt.Errorf("read from the terminal: %w", err)
		}
		_, err = fmt.Fprintln(k.terminal)
		return text, err
	}
	text, err := bufio.NewReader(k.terminal).ReadString('\n')
	if err != nil && (text == "" || !errors.Is(err, io.EOF)) {
		return "", fmt.Errorf("read from the terminal: %w", err)
	}
	return strings.TrimRight(text, "\r\n"), nil
}
