//go:build linux

package linuxhost

import (
	"os/exec"
	"strings"
	"testing"

	"netrun/tasks/reconcile"
	"netrun/tasks/state"
)

// TestQueueDataComesBack reads what is written without a kernel between them.
func TestQueueDataComesBack(t *testing.T) {
	for _, words := range []string{
		"tbf rate 10mbit burst 32kb latency 400ms", "tbf rate 8kbit burst 64kb limit 1mb", "tbf rate 1gbit burst 1600b limit 10kb",
		"tbf rate 100gbit burst 1mb limit 10mb", "tbf rate 1mbit burst 10kb latency 70ms peakrate 2mbit mtu 1540b", "tbf rate 333kbit burst 1601b limit 3001b",
		"netem", "netem delay 100ms", "netem delay 100ms 10ms 25%", "netem limit 20000 delay 1500us loss 30%", "netem loss random 0.3% 25%",
		"netem delay 10ms reorder 25% 50% duplicate 1% corrupt 0.1% rate 1mbit", "netem rate 100gbit", "netem delay 7ns",
	} {
		want, err := state.ParseQdisc(strings.Fields(words))
		if err != nil {
			t.Errorf("%s: %v", words, err)
			continue
		}
		data, err := qdiscData(want)
		if err != nil {
			t.Fatal(err)
		}
		got, known := tbfText(data)
		if want.Type == "netem" {
			got, known = netemText(data)
		}
		if !known || got != want.Options {
			t.Errorf("%s: wrote %q, read %q (known %v)", words, want.Options, got, known)
		}
		again, err := state.ParseQdisc(append([]string{want.Type}, strings.Fields(want.Options)...))
		if err != nil || again.Options != want.Options {
			t.Errorf("%s: %q read again is %q, error %v", words, want.Options, again.Options, err)
		}
	}
}

// What tc makes is read, and what netrun makes tc shows: the kernel has one truth.
func TestQdiscAsTCHasIt(t *testing.T) {
	r := newRig(t)
	if _, err := lookPath("tc"); err != nil {
		t.Skipf("probed tc: %v", err)
	}
	r.create(state.Link{Name: "va", Type: "veth", Peer: "vb", State: "up"})
	for _, words := range []string{"tbf rate 10mbit burst 32kb latency 400ms", "tbf rate 8kbit burst 64kb limit 1mb", "tbf rate 2gbit burst 250kb limit 1mb",
		"tbf rate 1mbit burst 10kb limit 20kb peakrate 2mbit mtu 1540", "netem delay 100ms 10ms 25% loss 30%"} {
		want, err := state.ParseQdisc(strings.Fields(words))
		if err != nil {
			t.Fatal(err)
		}
		want.Link, want.Parent = "va", state.QdiscRoot
		if err := r.host.Apply(t.Context(), creations(want)); err != nil {
			if strings.Contains(err.Error(), "no kernel support") {
				t.Logf("probed %s, and left it out: %v", want.Type, err)
				continue
			}
			t.Fatal(err)
		}
		r.have(want)
		shown := r.output("tc", "qdisc", "show", "dev", "va")
		r.delete(r.get(want.Key()))
		r.output("tc", append([]string{"qdisc", "add", "dev", "va", "root"}, strings.Fields(words)...)...)
		if tc := r.output("tc", "qdisc", "show", "dev", "va"); bareQdisc(tc) != bareQdisc(shown) {
			t.Errorf("%s: tc makes\n%s\nnetrun\n%s", words, tc, shown)
		}
		r.have(want)
		r.delete(r.get(want.Key()))
	}
}

// bareQdisc is tc's line without the handle and the kernel's own figures.
func bareQdisc(text string) string {
	words := strings.Fields(text)
	if len(words) < 3 {
		return text
	}
	return words[1] + " " + strings.Join(words[3:], " ")
}

// A qdisc of a type without words here, which somebody else made, comes back by undo.
func TestForeignQdiscComesBack(t *testing.T) {
	r := newRig(t)
	r.create(state.Link{Name: "va", Type: "veth", Peer: "vb", State: "up"})
	kinds := 0
	for _, foreign := range []string{"sfq perturb 10", "pfifo limit 77", "prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1", "fq_codel limit 500", "htb default 10 r2q 50"} {
		out, err := tryOutput(r, "tc", append([]string{"qdisc", "add", "dev", "va", "root", "handle", "7:"}, strings.Fields(foreign)...)...)
		if err != nil {
			t.Logf("probed %s, and left it out: %s", foreign, out)
			continue
		}
		kinds++
		before := r.output("tc", "qdisc", "show", "dev", "va")
		wants := wantsOfTasks(t, "- qdisc: {dev: va, type: tbf, rate: 10mbit, burst: 32kb, latency: 400ms}\n")
		p := reconcile.New(r.host, reconcile.Options{})
		if _, err := p.Plan(t.Context(), 1, wants); err != nil {
			t.Fatal(err)
		}
		if err := p.Apply(t.Context()); err != nil {
			t.Fatalf("%s: %v", foreign, err)
		}
		if err := p.Undo(t.Context()); err != nil {
			t.Errorf("%s: undo: %v", foreign, err)
		}
		if after := r.output("tc", "qdisc", "show", "dev", "va"); after != before {
			t.Errorf("got %q; want %q", after, before)
		}
		r.output("tc", "qdisc", "del", "dev", "va", "root")
	}
	if kinds == 0 {
		t.Skip("probed tc: this kernel has no other qdisc")
	}
}

func TestHTBClassesChangeInPlace(t *testing.T) {
	h := kernel(t, t.TempDir())
	text := func(classes string) string {
		return "- qdisc: {dev: va, type: htb, default: 20, classes: [" + classes + "]}\n"
	}
	plays(t, h, "- veth: {name: va, peer: vb}\n")
	plays(t, h, text("{id: 1, rate: 1mbit}, {id: 10, parent: 1, rate: 300kbit}, {id: 20, parent: 1, rate: 700kbit, ceil: 1mbit}"))
	changes := plays(t, h, text("{id: 1, rate: 2mbit}, {id: 20, parent: 1, rate: 700kbit, ceil: 2mbit}, {id: 30, parent: 1, rate: 1mbit}"))
	if len(changes) != 1 || changes[0].Op != state.Update {
		t.Errorf("got %v; want one update", changes)
	}
}

// tryOutput is output for a command that may fail.
func tryOutput(r *rig, name string, args ...string) (string, error) {
	r.Helper()
	thread := startThread()
	defer thread.stop()
	var out []byte
	err := thread.in(&space{fd: r.host.home}, func() (err error) {
		out, err = exec.Command(name, args...).CombinedOutput()
		return err
	})
	return string(out), err
}
