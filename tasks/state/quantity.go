package state

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// units are the words of tc(8) for a quantity, from the largest, and what each is worth.
type units []struct {
	name  string
	worth int64
}

var (
	// In bits a second; those that end in bps mean bytes.
	rateUnits = units{{"tibit", 1 << 40}, {"gibit", 1 << 30}, {"mibit", 1 << 20}, {"kibit", 1 << 10}, {"tbit", 1e12}, {"gbit", 1e9}, {"mbit", 1e6},
		{"kbit", 1e3}, {"bit", 1}, {"tibps", 8 << 40}, {"gibps", 8 << 30}, {"mibps", 8 << 20}, {"kibps", 8 << 10}, {"tbps", 8e12}, {"gbps", 8e9},
		{"mbps", 8e6}, {"kbps", 8e3}, {"bps", 8}}
	sizeUnits = units{{"gb", 1 << 30}, {"mb", 1 << 20}, {"kb", 1 << 10}, {"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {"b", 1}}
	timeUnits = units{{"msecs", 1e6}, {"msec", 1e6}, {"usecs", 1e3}, {"usec", 1e3}, {"nsecs", 1}, {"nsec", 1}, {"secs", 1e9}, {"sec", 1e9},
		{"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"s", 1e9}}
)

// parse reads a number with a unit; plain is what a number without one is worth.
func (u units) parse(what, text string, plain int64) (int64, error) {
	number, worth := strings.ToLower(text), plain
	for _, unit := range u {
		if n, ok := strings.CutSuffix(number, unit.name); ok {
			number, worth = n, unit.worth
			break
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || strings.Trim(number, "0123456789.") != "" {
		return 0, fmt.Errorf("%q is not a %s", text, what)
	}
	if value *= float64(worth); value > 1<<53 {
		return 0, fmt.Errorf("%q is too much for a %s", text, what)
	}
	return int64(math.Round(value)), nil
}

// ParseRate reads a rate as tc does (10mbit, 1gbps, a number of bits a second), in bytes a second.
func ParseRate(text string) (uint64, error) {
	bits, err := rateUnits.parse("rate", text, 1)
	if err == nil && bits < 8 {
		err = fmt.Errorf("%q is no rate to send at", text)
	}
	return uint64(bits) / 8, err
}

// ParseSize reads a size as tc does (32kb, 1mb, a number of bytes), in bytes.
func ParseSize(text string) (uint32, error) {
	n, err := sizeUnits.parse("size", text, 1)
	if err == nil && (n < 1 || n > math.MaxUint32) {
		err = fmt.Errorf("%q is not a size from 1 byte to 4 GiB", text)
	}
	return uint32(n), err
}

// ParseTime reads a duration as tc does (100ms, 2s, a number of microseconds).
func ParseTime(text string) (time.Duration, error) {
	n, err := timeUnits.parse("duration", text, 1e3)
	return time.Duration(n), err
}

// ParsePercent reads 30% or 30 as the kernel has it: a part of 2^32-1.
func ParsePercent(text string) (uint32, error) {
	v, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !(v >= 0 && v <= 100) {
		return 0, fmt.Errorf("%q is not a percentage from 0%% to 100%%", text)
	}
	return uint32(math.RoundToEven(v / 100 * math.MaxUint32)), nil
}

// largest is the number in the largest of the units that divides it.
func largest(n int64, u ...string) string {
	all := append(append(units{}, rateUnits...), append(sizeUnits, timeUnits...)...)
	for _, name := range u {
		for _, unit := range all {
			if unit.name == name && n%unit.worth == 0 && n != 0 {
				return strconv.FormatInt(n/unit.worth, 10) + name
			}
		}
	}
	return strconv.FormatInt(n, 10) + u[len(u)-1]
}

// rateText is the rate, of bytes a second, as ParseRate reads it.
func rateText(bytes uint64) string { return largest(int64(bytes)*8, "gbit", "mbit", "kbit", "bit") }

func sizeText(bytes uint32) string { return largest(int64(bytes), "mb", "kb", "b") }

func timeText(d time.Duration) string { return largest(int64(d), "s", "ms", "us", "ns") }

// percentText is the shortest text that ParsePercent reads back.
func percentText(part uint32) string {
	v := float64(part) / math.MaxUint32 * 100
	for digits := 1; digits < 17; digits++ {
		text := strconv.FormatFloat(v, 'g', digits, 64) + "%"
		if back, err := ParsePercent(text); err == nil && back == part && !strings.Contains(text, "e") {
			return text
		}
	}
	return strconv.FormatFloat(v, 'f', -1, 64) + "%"
}

// tick is the kernel's unit for how long a burst takes: 64 ns (PSCHED_SHIFT).
const tick = 64

// BurstTicks is how long a burst of size bytes takes at rate, in ticks, rounded up.
func BurstTicks(rate uint64, size uint32) uint32 {
	each := max(rate, 1) * tick
	return uint32(min((uint64(size)*1e9+each-1)/each, math.MaxUint32))
}

// BurstSize is the size of a burst that takes so many ticks. It is the inverse of
// BurstTicks for sizes that BurstRounded gives.
func BurstSize(rate uint64, ticks uint32) uint32 {
	high, low := bits.Mul64(rate, uint64(ticks)*tick)
	if high >= 1e9 {
		return math.MaxUint32
	}
	size, _ := bits.Div64(high, low, 1e9)
	return uint32(min(size, math.MaxUint32))
}

// BurstRounded is the size as the kernel can have it at that rate, never less.
func BurstRounded(rate uint64, size uint32) uint32 { return BurstSize(rate, BurstTicks(rate, size)) }
