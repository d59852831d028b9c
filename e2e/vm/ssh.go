package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Shell runs a shell script on the machine and returns what it printed.
func (m *Machine) Shell(ctx context.Context, script string) (string, error) {
	return m.Feed(ctx, script, nil)
}

// Feed is Shell with something to read for the script.
func (m *Machine) Feed(ctx context.Context, script string, stdin io.Reader) (string, error) {
	session, err := m.session(ctx)
	if err != nil {
		return "", err
	}
	defer session.Close()
	var stdout, stderr bytes.Buffer
	session.Stdin, session.Stdout, session.Stderr = stdin, &stdout, &stderr
	stop := context.AfterFunc(ctx, func() { session.Close() })
	defer stop()
	if err := session.Run(script); err != nil {
		return stdout.String(), fmt.Errorf("on %s: %s: %w\n%s%s", m.Name, script, errors.Join(ctx.Err(), err), stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// session is one over the connection that is there, or over a new one.
func (m *Machine) session(ctx context.Context) (*ssh.Session, error) {
	if m.client != nil {
		if s, err := m.client.NewSession(); err == nil {
			return s, nil
		}
		m.hangUp()
	}
	client, err := m.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("log in to %s: %w", m.Name, err)
	}
	m.client = client
	return client.NewSession()
}

// hangUp forgets the connection, which nobody may hear any more.
func (m *Machine) hangUp() {
	if m.client != nil {
		_ = m.client.Close()
		m.client = nil
	}
}

func (m *Machine) dial(ctx context.Context) (*ssh.Client, error) {
	key, err := os.ReadFile(m.rack.image.file("id"))
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		return nil, err
	}
	known, err := knownhosts.New(m.rack.KnownHosts)
	if err != nil {
		return nil, err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", m.port)
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	// QEMU takes the connection before there is anybody in the machine to talk to.
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c, channels, requests, err := ssh.NewClientConn(conn, addr, &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: known,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return ssh.NewClient(c, channels, requests), conn.SetDeadline(time.Time{})
}
