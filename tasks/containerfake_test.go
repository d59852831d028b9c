package tasks_test

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"netrun/tasks"
)

// runtimeMachine is a runtime in memory.
type runtimeMachine struct {
	equipped
	boxes map[string]*fakeBox // by id
	made  int
	fails string // the command that goes wrong, by its beginning
	dies  int    // exit status with which what is started ends at once, 0 for none
	asked string // the program that runs
	ran   []string
	all   []string // with those that change nothing
}

type fakeBox struct {
	runtime      string // "" is whichever is asked
	name, labels string
	running      bool
	status       int
}

func newRuntime(boxes ...fakeBox) *runtimeMachine {
	m := &runtimeMachine{equipped: equipped{has: []string{"docker"}}, boxes: map[string]*fakeBox{}}
	for _, b := range boxes {
		m.boxes["id-"+b.name] = &b
	}
	return m
}

// sees reports whether the program that runs knows the container.
func (m *runtimeMachine) sees(b *fakeBox) bool { return b.runtime == "" || b.runtime == m.asked }

func (m *runtimeMachine) find(word string) (string, *fakeBox) {
	for id, b := range m.boxes {
		if m.sees(b) && (id == word || b.name == word) {
			return id, b
		}
	}
	return "", nil
}

// Run implements tasks.Machine.
func (m *runtimeMachine) Run(ctx context.Context, c tasks.Command) (tasks.Output, error) {
	argv := c.Argv
	if argv[0] == "/bin/sh" {
		argv = argv[4:]
	}
	line, last := strings.Join(argv, " "), argv[len(argv)-1]
	m.asked, m.all = argv[0], append(m.all, line)
	if ctx.Err() != nil {
		return tasks.Output{}, ctx.Err()
	}
	if m.fails != "" && strings.HasPrefix(line, m.fails) {
		return tasks.Output{Status: 1, Stderr: "it went wrong"}, nil
	}
	switch argv[1] {
	case "inspect":
		return m.inspect(argv[2], last), nil
	case "ps":
		return tasks.Output{Stdout: m.list()}, nil
	case "logs":
		return tasks.Output{Stdout: "one\ntwo\n", Stderr: "three\nfour\nfive\nno config\n"}, nil
	}
	m.ran = append(m.ran, line)
	return m.change(argv), nil
}

func (m *runtimeMachine) inspect(sort, word string) tasks.Output {
	id, b := m.find(word)
	if b == nil || sort == "--type=image" {
		return tasks.Output{Status: 1, Stderr: "Error: No such container: " + word}
	}
	return tasks.Output{Stdout: fmt.Sprintf(`[{"Id":%q,"State":{"Running":%v,"ExitCode":%d},"Config":{"Labels":{%s}}}]`, id, b.running, b.status, b.labels)}
}

func (m *runtimeMachine) list() string {
	var lines []string
	for id, b := range m.boxes {
		if m.sees(b) {
			lines = append(lines, id+" "+b.name)
		}
	}
	return strings.Join(lines, "\n")
}

func (m *runtimeMachine) change(argv []string) tasks.Output {
	last := argv[len(argv)-1]
	if argv[1] == "create" {
		m.made++
		id := fmt.Sprintf("new%d", m.made)
		m.boxes[id] = &fakeBox{runtime: argv[0], name: strings.TrimPrefix(argv[2], "--name="), labels: `"netrun.owner":"netrun"`}
		return tasks.Output{Stdout: id + "\n"}
	}
	if argv[1] == "rename" {
		last = argv[2]
	}
	id, b := m.find(last)
	if b == nil {
		return tasks.Output{Status: 1, Stderr: "Error: No such container: " + last}
	}
	switch argv[1] {
	case "start":
		b.running, b.status = m.dies == 0, m.dies
	case "stop":
		b.running = false
	case "rm":
		delete(m.boxes, id)
	case "rename":
		if _, other := m.find(argv[3]); other != nil {
			return tasks.Output{Status: 1, Stderr: "the name is in use"}
		}
		b.name = argv[3]
	}
	return tasks.Output{}
}

// state is the containers as text.
func (m *runtimeMachine) state() string {
	var lines []string
	for id, b := range m.boxes {
		state := "stopped"
		if b.running {
			state = "running"
		}
		lines = append(lines, id+"="+b.name+" "+state)
	}
	sort.Strings(lines)
	return strings.Join(lines, ", ")
}
