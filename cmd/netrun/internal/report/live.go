package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// live shows lines that scroll by, and below them a block of a few lines that is
// painted anew: who is connected, and what the slowest hosts are busy with.
type live struct {
	*lines
	config *Config
	text   *bytes.Buffer // lines that wait for the next repaint
	block  []string      // what stands at the bottom now
	hidden bool          // the cursor
}

const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	eraseBelow = "\x1b[J"
	blockRows  = 10
)

func newLive(c *Config, hosts *tracker) *live {
	v := &live{lines: newLines(c, hosts), config: c, text: &bytes.Buffer{}}
	v.lines.out, v.lines.waiting = v.text, false
	return v
}

// tick implements renderer.
func (v *live) tick(now time.Time) {
	v.lines.tick(now)
	v.repaint(v.status(now))
}

// close implements renderer: the block goes, and the cursor is back.
func (v *live) close() {
	v.lines.close()
	v.repaint(nil)
}

// repaint writes what waits and then the block, in one write, so that nothing flickers.
func (v *live) repaint(block []string) {
	if v.text.Len() == 0 && slices.Equal(block, v.block) {
		return
	}
	var b strings.Builder
	if len(block) > 0 && !v.hidden {
		b.WriteString(hideCursor)
		v.hidden = true
	}
	b.WriteString(v.erase())
	b.Write(v.text.Bytes())
	v.text.Reset()
	for _, line := range block {
		b.WriteString(line + "\n")
	}
	if len(block) == 0 && v.hidden {
		b.WriteString(showCursor)
		v.hidden = false
	}
	v.block = block
	if b.Len() > 0 {
		fmt.Fprint(v.config.Out, b.String())
	}
}

// erase goes up to the block's first line. A terminal that has become narrower
// has wrapped the block's lines.
func (v *live) erase() string {
	columns, _ := v.config.Size()
	rows := 0
	for _, line := range v.block {
		rows += max(1, (utf8.RuneCountInString(line)+columns-1)/max(columns, 1))
	}
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf("\r\x1b[%dA%s", rows, eraseBelow)
}

// status is the block: at most blockRows lines, none wider than the terminal.
func (v *live) status(now time.Time) []string {
	waiting := v.hosts.waiting()
	if len(waiting) == 0 {
		return nil
	}
	columns, height := v.config.Size()
	all, connected, done := v.hosts.counts()
	block := []string{fmt.Sprintf("%s: connected %d/%d, done %d, %s", clean(v.hosts.play), connected, all, done, ago(now.Sub(v.hosts.begun)))}
	room := max(min(blockRows, height-2)-1, 1)
	shown := len(waiting)
	if shown > room {
		shown = room - 1 // the last row says how many more there are
	}
	width := 0
	for _, b := range waiting[:shown] {
		width = max(width, utf8.RuneCountInString(b.name))
	}
	width = min(width, max(columns/3, 8))
	for _, b := range waiting[:shown] {
		block = append(block, fmt.Sprintf("  %-*s  %s, %s", width, fit(clean(b.name), width), b.what(), ago(now.Sub(b.since))))
	}
	if more := len(waiting) - shown; more > 0 {
		block = append(block, fmt.Sprintf("  and %s more", plural(more, "host")))
	}
	for i := range block {
		block[i] = fit(block[i], columns-1)
	}
	return block
}
