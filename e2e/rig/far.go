package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Behind returns the lab as it looks to somebody who reaches one host through a
// port of this machine: an inventory of that host alone, and its known_hosts,
// written into dir.
func (l *Lab) Behind(ctx context.Context, dir, host string, port int) (*Lab, error) {
	key, err := l.HostKey(ctx, host)
	if err != nil {
		return nil, err
	}
	far := *l
	far.Inventory, far.KnownHosts = filepath.Join(dir, "inventory.ini"), filepath.Join(dir, "known_hosts")
	line := fmt.Sprintf("%s ansible_host=127.0.0.1 ansible_port=%d ansible_user=root ansible_ssh_private_key_file=%s"+
		" ansible_ssh_common_args=\"-o UserKnownHostsFile=%s -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes\"\n",
		host, port, l.Identity, far.KnownHosts)
	return &far, errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(far.Inventory, []byte(line), 0o600),
		os.WriteFile(far.KnownHosts, fmt.Appendf(nil, "[127.0.0.1]:%d %s\n", port, key), 0o600),
	)
}

// LoginCost measures what a bare login through the proxy costs, and nothing more:
// the client's turns and the time. The lab is one that Behind returned.
func (l *Lab) LoginCost(ctx context.Context, host string, p *Proxy) (turns int, took time.Duration, err error) {
	key, err := os.ReadFile(l.Identity)
	if err != nil {
		return 0, 0, err
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		return 0, 0, err
	}
	known, err := knownhosts.New(l.KnownHosts)
	if err != nil {
		return 0, 0, err
	}
	p.Turns()
	began := time.Now()
	client, err := login(ctx, p.Port(), &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: known,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	})
	if err != nil {
		return 0, 0, fmt.Errorf("log in to %s: %w", host, err)
	}
	turns, took = p.Turns(), time.Since(began)
	return turns, took, client.Close()
}

func login(ctx context.Context, port int, config *ssh.ClientConfig) (*ssh.Client, error) {
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c, channels, requests, err := ssh.NewClientConn(conn, addr, config)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return ssh.NewClient(c, channels, requests), nil
}

// Chain returns n tasks of which each needs the result that the one before it
// registered. They are what a play's tasks look like in a list.
func Chain(n int) []string {
	tasks := []string{"command: {cmd: echo 0, probe: true}\nregister: r0"}
	for i := 1; i < n; i++ {
		tasks = append(tasks, fmt.Sprintf("command: {cmd: 'echo %d {{ .r%d.stdout }}', probe: true}\nwhen: r%[2]d.rc == 0\nregister: r%[1]d", i, i-1))
	}
	return tasks
}
