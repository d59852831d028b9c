package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/templates"
)

// TestAbsentArgs: what says which container it is goes along, its group too.
func TestAbsentArgs(t *testing.T) {
	given := map[string]any{"name": "web", "group": "shop", "image": "x", "user": "alice", "settle": "5s", "state": "started"}
	want := map[string]any{"name": "web", "group": "shop", "user": "alice", "state": "absent"}
	if diff := cmp.Diff(want, absentArgs(templates.Value{V: given}).V); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
