//go:build linux

package linuxhost

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"netrun/tasks/state"
)

// A client ends with what it is there for: else it would keep the namespace.
func TestClientEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(n *lan)
	}{
		{"link", func(n *lan) { n.output("ip", "link", "del", "v0") }},
		{"namespace", func(n *lan) { n.output("ip", "netns", "del", strings.TrimPrefix(string(n.in), "netns:")) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newLAN(t)
			n.udhcpd("option lease 60")
			n.create(n.lease())
			client, _ := n.client()
			test.end(n)
			n.within(time.Second, "the client's end", func() bool { return !client.Process.Lives() })
			n.within(time.Second, "its record's end", func() bool { _, there := n.client(); return !there })
		})
	}
}

// A container is known by its first process.
func TestClientEndsWithTheContainer(t *testing.T) {
	n := newLAN(t)
	n.udhcpd("option lease 60")
	_, name := n.in.Split()
	first := exec.Command("nsenter", "--net=/run/netns/"+name, "sleep", "60")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() { first.Process.Kill(); first.Wait() }
	defer end()
	time.Sleep(50 * time.Millisecond) // until nsenter is where it goes
	n.in = state.PidScope(strconv.Itoa(first.Process.Pid))
	n.create(n.lease())
	client, _ := n.client()
	end()
	n.within(time.Second, "the client's end", func() bool { return !client.Process.Lives() })
}
