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
	// ReadSecret reads a line that is not shown. When the context ends it returns, and
	// what is typed is shown again.
	ReadSecret(ctx context.Context) (string, error)
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

// ask ends with the context too; a read that goes on then ends with the process.
func (k asker) ask(ctx context.Context, prompt string, secret bool) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if _, err := fmt.Fprint(k.terminal, prompt); err != nil {
		return "", fmt.Errorf("ask on the terminal: %w", err)
	}
	if !secret {
		return untilDone(ctx, k.line)
	}
	text, err := k.terminal.ReadSecret(ctx)
	if err != nil {
		return "", fmt.Errorf("read from the terminal: %w", err)
	}
	_, err = fmt.Fprintln(k.terminal)
	return text, err
}

func (k asker) line() (string, error) {
	text, err := bufio.NewReader(k.terminal).ReadString('\n')
	if err != nil && (text == "" || !errors.Is(err, io.EOF)) {
		return "", fmt.Errorf("read from the terminal: %w", err)
	}
	return strings.TrimRight(text, "\r\n"), nil
}

// untilDone is read's result, or the context's error if that comes first.
func untilDone(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
