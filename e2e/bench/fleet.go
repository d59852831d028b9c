package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"netrun/e2e/rig"
)

// fleets measures a play of 12 network tasks on fleets of several sizes.
func (b *bench) fleets(ctx context.Context) error {
	for _, n := range b.hosts {
		err := b.withLab(ctx, n, func(lab *rig.Lab) error { return b.fleet(ctx, lab) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) fleet(ctx context.Context, lab *rig.Lab) error {
	contenders, err := b.contenders(lab)
	if err != nil {
		return err
	}
	samples, err := interleave(ctx, b.log, contenders)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "%d hosts, %d tasks:\n\n%s\n", len(lab.Hosts), len(twelve), timesTable(samples, "limit"))
	return nil
}

func (b *bench) contenders(lab *rig.Lab) ([]contender, error) {
	bare, err := newLimit(lab, lab.Names()...)
	if err != nil {
		return nil, err
	}
	play, err := b.file("twelve.yaml", netrunPlay("nodes", twelve))
	if err != nil {
		return nil, err
	}
	p := &player{b: b, lab: lab}
	names := lab.Names()
	all := []contender{
		{"limit: x/crypto/ssh, exec true", b.rounds, nil, bare.run},
		{"OpenSSH client, exec true", b.rounds, nil, p.openSSH},
		{"netrun, first contact", b.rounds, p.clean(names, forget), p.runs(play, true)},
		{"netrun, apply", b.rounds, p.clean(names), p.runs(play, true)},
		{"netrun, no change", b.rounds, nil, p.runs(play, false)},
	}
	theirs, err := b.ansibleContenders(p)
	return append(all, theirs...), err
}

// openSSH logs in to all hosts with OpenSSH's client.
func (p *player) openSSH(ctx context.Context) error {
	_, err := rig.Output(ctx, rig.Command{
		Argv:  []string{"xargs", "-P", fmt.Sprint(concurrency), "-I", "{}", "ssh", "-F", p.lab.SSHConfig, "{}", "true"},
		Stdin: strings.NewReader(strings.Join(p.lab.Names(), "\n") + "\n"),
	})
	return err
}

func (b *bench) ansibleContenders(p *player) ([]contender, error) {
	if _, err := exec.LookPath("ansible-playbook"); err != nil || b.ansible == 0 {
		fmt.Fprintln(b.log, "without Ansible")
		return nil, nil
	}
	play, err := b.file("ansible.yaml", ansiblePlay())
	if err != nil {
		return nil, err
	}
	run := func(changes bool) func(context.Context) error {
		return func(ctx context.Context) error { return p.ansible(ctx, play, changes) }
	}
	return []contender{
		{"Ansible, pipelining, forks 50, apply", b.ansible, p.clean(p.lab.Names()), run(true)},
		{"Ansible, no change", b.ansible, nil, run(false)},
	}, nil
}

func (p *player) ansible(ctx context.Context, play string, changes bool) error {
	// Sockets of connections have short names only.
	control, err := os.MkdirTemp("", "cp")
	if err != nil {
		return err
	}
	r, err := rig.Run(ctx, rig.Command{
		Argv: []string{"ansible-playbook", "-i", p.lab.Inventory, "--forks", "50", play},
		Env: []string{
			"ANSIBLE_PIPELINING=True", "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCAL_TEMP=" + filepath.Join(p.b.dir, "ansible"),
			"ANSIBLE_SSH_CONTROL_PATH_DIR=" + control, "ANSIBLE_SSH_ARGS=-o ControlMaster=auto -o ControlPersist=20s",
			"ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3", "ANSIBLE_DEPRECATION_WARNINGS=False",
		},
	})
	if err = errors.Join(err, os.RemoveAll(control)); err != nil {
		return err
	}
	if r.Exit != 0 {
		return fmt.Errorf("ansible-playbook: exit status %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	return checkRecap(r.Stdout, changes)
}
