package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"netrun/e2e/rig"
)

// concurrency is how many hosts are worked on at once, by everybody who is measured.
const concurrency = 64

// limit is the least that anything over SSH does: connect, log in, exec true, and
// the end, with the library that netrun stands on, its defaults and the same key.
type limit struct {
	config *ssh.ClientConfig
	addrs  []string
}

func newLimit(lab *rig.Lab, hosts ...string) (*limit, error) {
	key, err := os.ReadFile(lab.Identity)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", lab.Identity, err)
	}
	known, err := knownhosts.New(lab.KnownHosts)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", lab.KnownHosts, err)
	}
	l := &limit{config: &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: known,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	}}
	for _, name := range hosts {
		h, err := lab.Host(name)
		if err != nil {
			return nil, err
		}
		l.addrs = append(l.addrs, net.JoinHostPort(h.Addr.String(), "22"))
	}
	return l, nil
}

// run does it on all hosts side by side.
func (l *limit) run(ctx context.Context) error {
	slots := make(chan struct{}, concurrency)
	errs := make([]error, len(l.addrs))
	var wg sync.WaitGroup
	for i, addr := range l.addrs {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = l.host(ctx, addr)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// host tries again when sshd refuses to begin (MaxStartups), as netrun has to.
func (l *limit) host(ctx context.Context, addr string) error {
	var err error
	for range 5 {
		var client *ssh.Client
		if client, err = l.dial(ctx, addr); err == nil {
			return errors.Join(execTrue(client), client.Close())
		}
	}
	return err
}

func (l *limit) dial(ctx context.Context, addr string) (*ssh.Client, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c, channels, requests, err := ssh.NewClientConn(conn, addr, l.config)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return ssh.NewClient(c, channels, requests), nil
}

func execTrue(client *ssh.Client) error {
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	// Closing says EOF where the command has ended already: that is no news.
	defer session.Close()
	return session.Run("true")
}
