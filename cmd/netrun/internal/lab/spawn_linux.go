package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// control is the machine's side of a starting host: a pipe to tell its first
// process what to be, and one to hear how it went.
type control struct {
	cmd    *exec.Cmd
	tell   *os.File
	answer *os.File
	log    string
}

func (c *control) close() {
	c.tell.Close()
	c.answer.Close()
}

// spawn starts the first process of h in new namespaces. It waits for its spec.
func (s *starter) spawn(h *hostRecord) (*control, error) {
	dir := s.lab.rec.hostDir(h)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make host folder: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open host log: %w", err)
	}
	defer log.Close()
	hear, tell, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make control pipe: %w", err)
	}
	defer hear.Close()
	answer, speak, err := os.Pipe()
	if err != nil {
		tell.Close()
		return nil, fmt.Errorf("make control pipe: %w", err)
	}
	defer speak.Close()
	c := &control{tell: tell, answer: answer, log: log.Name(), cmd: s.command(log, hear, speak)}
	if err := c.cmd.Start(); err != nil {
		c.close()
		return nil, fmt.Errorf("start first process: %w", err)
	}
	s.lab.procs.add(c.cmd)
	return c, nil
}

func (s *starter) command(log, hear, speak *os.File) *exec.Cmd {
	cmd := exec.Command(s.cfg.Self[0], s.cfg.Self[1:]...)
	cmd.Args[0] = "netrun"
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{hear, speak}
	// One thread and a small heap are plenty for a process that waits.
	cmd.Env = []string{"PATH=" + defaultPath, "GOMAXPROCS=1", "GOGC=20"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true, // Ctrl-C in the terminal is not meant for the hosts
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWNET,
	}
	return cmd
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func (s *starter) spec(h *hostRecord, key keyPair) spec {
	sp := spec{
		Name: h.Name, Dir: s.lab.rec.hostDir(h),
		TmpfsRoot: h.spec.TmpfsRoot, Busybox: h.spec.Busybox, Shell: h.spec.Shell,
		Sshd: s.sshd, SshdConfig: h.spec.sshdConfig(),
		HostKey: key.private, HostPub: key.public, Authorized: s.client.public,
		Addr: netip.PrefixFrom(h.Addr, s.lab.rec.Subnet.Bits()), Interfaces: h.Interfaces,
		Services: h.Services,
	}
	if h.containers() {
		sp.Cgroup = h.Netns
	}
	return sp
}

func (c *control) send(sp spec) error {
	line, err := json.Marshal(sp)
	if err != nil {
		return fmt.Errorf("encode spec: %w", err)
	}
	// A write fails only if the process died; its answer says why.
	_, err = c.tell.Write(append(line, '\n'))
	return c.explain(err)
}

// run lets the host go and returns what its first process answers.
func (c *control) run(ctx context.Context) error {
	if _, err := c.tell.WriteString(goLine); err != nil {
		return c.explain(err)
	}
	stop := context.AfterFunc(ctx, func() { c.answer.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err := io.ReadAll(c.answer)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("read answer: %w", err)
	case string(answer) != answerReady:
		return c.describe(answer)
	}
	return nil
}

// answerReady is what the first process says when sshd listens; anything else
// it says is an error.
const answerReady = "ready\n"

func (c *control) explain(err error) error {
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.EPIPE) {
		return fmt.Errorf("write to first process: %w", err)
	}
	answer, _ := io.ReadAll(c.answer) // describe copes with nothing
	return c.describe(answer)
}

func (c *control) describe(answer []byte) error {
	if msg := strings.TrimSpace(string(answer)); msg != "" {
		return errors.New(msg)
	}
	log, err := os.ReadFile(c.log)
	if err != nil {
		return fmt.Errorf("first process died without a word; read its log: %w", err)
	}
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	return fmt.Errorf("first process died: %s", lines[len(lines)-1])
}
