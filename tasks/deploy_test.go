package tasks_test

import (
	"testing"

	"netrun/tasks"
)

// TestDeployTells has the lines of a host's instances in each state.
func TestDeployTells(t *testing.T) {
	ports := map[string]any{"n1": map[string]any{"containers": map[string]any{
		"web-1": map[string]any{"running": true, "ports": map[string]any{"80/tcp": 4000}, "links": []any{"127.0.0.1:6379 -> 10.0.0.2:4001"}}}}}
	for state, want := range map[string]string{
		"started": "db-1 does not run\nweb-1 runs, 80/tcp at port 4000, 127.0.0.1:6379 -> db-1:6379",
		"info":    "db-1 does not run\nweb-1 runs, 80/tcp at port 4000, 127.0.0.1:6379 -> 10.0.0.2:4001",
		"absent":  "db-1 is removed\nweb-1 is removed",
	} {
		d := tasks.Deploy{State: state, Host: "n1", Ports: ports, Instances: []any{
			map[string]any{"id": "web-1", "host": "n1", "links": []any{"127.0.0.1:6379 -> db-1:6379"}},
			map[string]any{"id": "db-1", "host": "n1", "links": []any{}},
			map[string]any{"id": "db-2", "host": "n2", "links": []any{}},
		}}
		out, err := d.Inline(nil)
		if err != nil || out.Msg != want {
			t.Errorf("%s: got %q, error %v; want %q", state, out.Msg, err, want)
		}
		if all := out.Data["instances"].([]any); len(all) != 3 {
			t.Errorf("%s: got %d instances; want those of all hosts", state, len(all))
		}
	}
}
