package report

import (
	"encoding/json"
	"io"
	"time"
)

// jsonLines shows each event as one line of JSON, as it comes.
type jsonLines struct{ enc *json.Encoder }

func newJSONLines(w io.Writer) *jsonLines {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &jsonLines{enc}
}

// event implements renderer. There is nobody to tell that standard output is gone:
// the play goes on to its end.
func (j *jsonLines) event(e Event) { _ = j.enc.Encode(e) }

// tick implements renderer.
func (j *jsonLines) tick(time.Time) {}

// close implements renderer.
func (j *jsonLines) close() {}
