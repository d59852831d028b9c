package guard

import (
	"context"
	"io"
	"testing"
)

func TestWatch(t *testing.T) {
	cases := []struct {
		name string
		said string
		want bool
	}{
		{"session dies", "60000\n", true},
		{"session dies at once", "", true},
		{"session is done", "60000\ndone\n", false},
		{"session runs over its deadline", "1\n", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r, w := io.Pipe()
			go func() {
				_, err := io.WriteString(w, c.said)
				if c.said != "1\n" {
					err = w.CloseWithError(err)
				}
				_ = err // the reader may have gone, which is the point of "done"
			}()
			// -1 is no process: kill must not be reached for anything that is not our parent.
			if got := Watch(context.Background(), r, -1); got != c.want {
				t.Errorf("got undo=%v, want %v", got, c.want)
			}
		})
	}
}
