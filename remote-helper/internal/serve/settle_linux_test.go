//go:build linux

package serve

import (
	"strings"
	"testing"

	"netrun/remote-helper/wire"
	"netrun/tasks/state"
)

// A play on a bridge with spanning tree ends when its ports forward, and says that it waits.
func TestPlayWaitsUntilPortsForward(t *testing.T) {
	r := newRig(t)
	r.send(playOf("auto", node(1, "veth", map[string]any{"name": "va", "peer": "vb"}), node(2, "interface", map[string]any{"name": "vb", "state": "up"}),
		node(3, "bridge", map[string]any{"name": "br0", "stp": true, "forward_delay": 200, "interfaces": []any{"va"}}))...)
	var notes []string
	e := r.until("end", func(e wire.Event) bool {
		if e.Note != nil {
			notes = append(notes, e.Note.Text)
		}
		return e.Ended != nil
	})
	if e.Ended.Error != nil {
		t.Fatalf("got %v; want success", e.Ended.Error)
	}
	if len(notes) != 2 || !strings.HasPrefix(notes[0], "waiting until all ports forward: va ") || !strings.HasPrefix(notes[1], "all ports forward after ") {
		t.Errorf("got notes %q; want that it waits for va, and that it is over", notes)
	}
	got, err := r.config.Host.Observe(t.Context(), []state.Key{{Kind: state.KindMember}})
	if err != nil {
		t.Fatal(err)
	}
	if m := got.All(state.KindMember, state.HostScope); len(m) != 1 || m[0].(state.Member).Phase != "forwarding" {
		t.Errorf("got %v; want one port, forwarding", m)
	}

	// What is as wanted already is not waited for.
	r.send(playOf("auto", node(1, "bridge", map[string]any{"name": "br0", "stp": true}))...)
	if ended := r.ended(); ended.Error != nil || ended.Changed != 0 {
		t.Errorf("again: got %+v; want no change", ended)
	}
}
