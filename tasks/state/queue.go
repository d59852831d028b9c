package state

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// TBF is the token bucket filter's options.
type TBF struct {
	Rate, PeakRate    uint64 // bytes a second
	Burst, Limit, MTU uint32 // bytes; MTU is the bucket of the peak rate
}

// Netem is the options of the network emulator. Probabilities are parts of 2^32-1.
type Netem struct {
	Limit, Gap           uint32 // packets
	Delay, Jitter        time.Duration
	DelayCorr            uint32
	Loss, LossCorr       uint32
	Duplicate, DupCorr   uint32
	Reorder, ReorderCorr uint32
	Corrupt, CorruptCorr uint32
	Rate                 uint64 // bytes a second
}

// HTBClass is a class of the hierarchical token bucket.
type HTBClass struct {
	ID, Parent    string // 1:10, and 1: or 1:1
	Rate, Ceil    uint64 // bytes a second
	Burst, CBurst uint32 // bytes
	Prio, Quantum uint32 // Quantum in bytes
}

// QueueTypes are the types of qdisc whose words are known.
func QueueTypes() []string { return []string{"htb", "netem", "tbf"} }

// ParseQdisc reads the words that follow tc qdisc add dev LINK root: a type and its
// options. What it gives, in Type, Default and Options, is what a host has then,
// written in one way.
func ParseQdisc(words []string) (Qdisc, error) {
	if len(words) == 0 {
		return Qdisc{}, fmt.Errorf("which type of qdisc? %s", strings.Join(QueueTypes(), ", "))
	}
	q := Qdisc{Type: words[0]}
	switch words[0] {
	case "tbf":
		t, err := ParseTBF(words[1:])
		q.Options = t.String()
		return q, err
	case "netem":
		n, err := ParseNetem(words[1:])
		q.Options = n.String()
		return q, err
	case "htb":
		return q, q.htbWords(words[1:])
	}
	return q, fmt.Errorf("qdisc %q is not known here: %s", words[0], strings.Join(QueueTypes(), ", "))
}

func (q *Qdisc) htbWords(words []string) error {
	w := wordReader{words: words}
	for w.next() {
		switch w.word {
		case "default":
			text := w.value()
			n, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 16)
			if w.err == nil && err != nil {
				w.err = fmt.Errorf("default %q is not the number of a class", text)
			}
			q.Default = strconv.FormatUint(n, 16)
		case "r2q":
			if n := read(&w, parseCount); n != htbRateToQuantum {
				q.Options = "r2q " + strconv.FormatUint(uint64(n), 10)
			}
		default:
			w.unknown("htb")
		}
	}
	return w.err
}

// wordReader walks over words and their values.
type wordReader struct {
	words []string
	word  string
	err   error
}

func (w *wordReader) next() bool {
	if len(w.words) == 0 || w.err != nil {
		return false
	}
	w.word, w.words = w.words[0], w.words[1:]
	return true
}

func (w *wordReader) value() string {
	if len(w.words) == 0 {
		w.fail(fmt.Errorf("%s needs a value", w.word))
		return ""
	}
	v := w.words[0]
	w.words = w.words[1:]
	return v
}

// more reports whether a further value follows, rather than the next word.
func (w *wordReader) more() bool {
	return len(w.words) > 0 && w.words[0] != "" && strings.ContainsAny(w.words[0][:1], "0123456789.")
}

func (w *wordReader) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *wordReader) unknown(of string) {
	w.fail(fmt.Errorf("%s has no word %q here", of, w.word))
}

// read parses the next value, and says which word was wrong.
func read[T any](w *wordReader, parse func(string) (T, error)) T {
	var zero T
	text := w.value()
	if w.err != nil {
		return zero
	}
	v, err := parse(text)
	if err != nil {
		w.fail(fmt.Errorf("%s: %w", w.word, err))
	}
	return v
}

func parseCount(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return uint32(n), nil
}

// ParseTBF reads tbf's words: rate, burst, limit or latency, peakrate and mtu.
func ParseTBF(words []string) (TBF, error) {
	var t TBF
	var latency time.Duration
	w := &wordReader{words: words}
	for w.next() {
		switch w.word {
		case "rate":
			t.Rate = read(w, ParseRate)
		case "burst", "buffer", "maxburst":
			t.Burst = read(w, ParseSize)
		case "limit":
			t.Limit = read(w, ParseSize)
		case "latency":
			latency = read(w, ParseTime)
		case "peakrate":
			t.PeakRate = read(w, ParseRate)
		case "mtu", "minburst":
			t.MTU = read(w, ParseSize)
		default:
			w.unknown("tbf")
		}
	}
	switch {
	case w.err != nil:
		return t, w.err
	case t.Rate == 0 || t.Burst == 0:
		return t, fmt.Errorf("tbf needs rate and burst")
	case (t.Limit == 0) == (latency == 0):
		return t, fmt.Errorf("tbf needs either limit or latency")
	case (t.PeakRate == 0) != (t.MTU == 0):
		return t, fmt.Errorf("tbf needs both peakrate and mtu, or neither")
	case t.PeakRate != 0 && t.PeakRate <= t.Rate:
		return t, fmt.Errorf("tbf: the peakrate must be above the rate")
	}
	t.settle(latency)
	return t, nil
}

// settle rounds as the kernel does, and turns a latency into a limit.
func (t *TBF) settle(latency time.Duration) {
	t.Burst = BurstRounded(t.Rate, t.Burst)
	if latency != 0 {
		limit := float64(t.Rate)*latency.Seconds() + float64(t.Burst)
		if t.PeakRate != 0 {
			limit = min(limit, float64(t.PeakRate)*latency.Seconds()+float64(t.MTU))
		}
		t.Limit = uint32(min(limit, math.MaxUint32))
	}
	if t.PeakRate != 0 {
		t.MTU = BurstRounded(t.PeakRate, t.MTU)
	}
}

// String is the options as ParseTBF reads them.
func (t TBF) String() string {
	words := []string{"rate", rateText(t.Rate), "burst", sizeText(t.Burst), "limit", sizeText(t.Limit)}
	if t.PeakRate != 0 {
		words = append(words, "peakrate", rateText(t.PeakRate), "mtu", sizeText(t.MTU))
	}
	return strings.Join(words, " ")
}

// netemLimit is the kernel's queue where none is asked for.
const netemLimit = 1000

// ParseNetem reads netem's words: limit, delay, loss, duplicate, corrupt, reorder, gap, rate.
func ParseNetem(words []string) (Netem, error) {
	n := Netem{Limit: netemLimit}
	w := &wordReader{words: words}
	part := func(value, corr *uint32) {
		*value = read(w, ParsePercent)
		if w.more() {
			*corr = read(w, ParsePercent)
		}
	}
	for w.next() {
		switch w.word {
		case "limit":
			n.Limit = read(w, parseCount)
		case "gap":
			n.Gap = read(w, parseCount)
		case "rate":
			n.Rate = read(w, ParseRate)
		case "delay", "latency":
			n.delayWords(w)
		case "loss", "drop":
			if len(w.words) > 0 && w.words[0] == "random" {
				w.value()
			}
			part(&n.Loss, &n.LossCorr)
		case "duplicate":
			part(&n.Duplicate, &n.DupCorr)
		case "reorder":
			part(&n.Reorder, &n.ReorderCorr)
		case "corrupt":
			part(&n.Corrupt, &n.CorruptCorr)
		default:
			w.unknown("netem")
		}
	}
	if w.err == nil && n.Reorder != 0 && n.Delay == 0 {
		w.err = fmt.Errorf("netem: reorder needs a delay")
	}
	if n.Reorder != 0 && n.Gap == 0 {
		n.Gap = 1
	}
	return n, w.err
}

func (n *Netem) delayWords(w *wordReader) {
	n.Delay = read(w, ParseTime)
	if w.more() {
		n.Jitter = read(w, ParseTime)
	}
	if w.more() {
		n.DelayCorr = read(w, ParsePercent)
	}
}

// String is the options as ParseNetem reads them.
func (n Netem) String() string {
	var words []string
	if n.Limit != netemLimit {
		words = append(words, "limit", strconv.FormatUint(uint64(n.Limit), 10))
	}
	if n.Delay != 0 || n.Jitter != 0 {
		words = append(words, "delay", timeText(n.Delay))
		if n.Jitter != 0 || n.DelayCorr != 0 {
			words = append(words, timeText(n.Jitter))
		}
		words = withCorr(words, n.DelayCorr)
	}
	for _, p := range []struct {
		word        string
		value, corr uint32
	}{{"loss", n.Loss, n.LossCorr}, {"duplicate", n.Duplicate, n.DupCorr}, {"reorder", n.Reorder, n.ReorderCorr}, {"corrupt", n.Corrupt, n.CorruptCorr}} {
		if p.value != 0 {
			words = withCorr(append(words, p.word, percentText(p.value)), p.corr)
		}
	}
	if n.Gap != 0 {
		words = append(words, "gap", strconv.FormatUint(uint64(n.Gap), 10))
	}
	if n.Rate != 0 {
		words = append(words, "rate", rateText(n.Rate))
	}
	return strings.Join(words, " ")
}

func withCorr(words []string, corr uint32) []string {
	if corr == 0 {
		return words
	}
	return append(words, percentText(corr))
}
