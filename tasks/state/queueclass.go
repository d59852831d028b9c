package state

import (
	"fmt"
	"strconv"
	"strings"
)

// The kernel's quantum: a part of the rate (r2q), within bounds.
const (
	htbRateToQuantum = 10
	htbLeastQuantum  = 1000
	htbMostQuantum   = 200000
	htbUsualBurst    = 1600 // as tc has it: one packet
)

// Settled is the class as a host has it, with what is not asked for filled in. One with
// classes under it, an inner one, has no quantum: it queues nothing itself.
func (c HTBClass) Settled(inner bool) HTBClass {
	if c.Ceil == 0 {
		c.Ceil = c.Rate
	}
	if c.Burst == 0 {
		c.Burst = htbUsualBurst
	}
	if c.CBurst == 0 {
		c.CBurst = htbUsualBurst
	}
	if c.Quantum == 0 && !inner {
		c.Quantum = uint32(min(max(c.Rate/htbRateToQuantum, htbLeastQuantum), htbMostQuantum))
	}
	c.Burst, c.CBurst = BurstRounded(c.Rate, c.Burst), BurstRounded(c.Ceil, c.CBurst)
	return c
}

// String is the class in one line, as ParseHTBClass reads it.
func (c HTBClass) String() string {
	text := fmt.Sprintf("%s parent %s rate %s ceil %s burst %s cburst %s prio %d", c.ID, c.Parent, rateText(c.Rate), rateText(c.Ceil),
		sizeText(c.Burst), sizeText(c.CBurst), c.Prio)
	if c.Quantum != 0 {
		text += fmt.Sprintf(" quantum %d", c.Quantum)
	}
	return text
}

// ParseHTBClass reads 1:10 parent 1: rate 1mbit ceil 2mbit ...
func ParseHTBClass(line string) (HTBClass, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return HTBClass{}, fmt.Errorf("a class without an id")
	}
	c := HTBClass{ID: words[0]}
	text := func(s string) (string, error) { return s, nil }
	w := &wordReader{words: words[1:]}
	for w.next() {
		switch w.word {
		case "parent":
			c.Parent = read(w, text)
		case "rate":
			c.Rate = read(w, ParseRate)
		case "ceil":
			c.Ceil = read(w, ParseRate)
		case "burst":
			c.Burst = read(w, ParseSize)
		case "cburst":
			c.CBurst = read(w, ParseSize)
		case "prio":
			c.Prio = read(w, parseCount)
		case "quantum":
			c.Quantum = read(w, parseCount)
		default:
			w.unknown("htb class")
		}
	}
	if w.err == nil && c.Rate == 0 {
		w.err = fmt.Errorf("class %s needs a rate", c.ID)
	}
	return c, w.err
}

// ParseHandle reads 1: or 1:10, both parts in hexadecimal, as the kernel has it.
func ParseHandle(text string) (uint32, error) {
	major, minor, ok := strings.Cut(text, ":")
	high, err := strconv.ParseUint(major, 16, 16)
	if !ok || err != nil || high == 0 {
		return 0, fmt.Errorf("%q is not a handle: write 1: or 1:10", text)
	}
	var low uint64
	if minor != "" {
		if low, err = strconv.ParseUint(minor, 16, 16); err != nil {
			return 0, fmt.Errorf("%q is not a handle: write 1: or 1:10", text)
		}
	}
	return uint32(high<<16 | low), nil
}

// HandleText is the handle as ParseHandle reads it.
func HandleText(handle uint32) string {
	if handle&0xffff == 0 {
		return fmt.Sprintf("%x:", handle>>16)
	}
	return fmt.Sprintf("%x:%x", handle>>16, handle&0xffff)
}
