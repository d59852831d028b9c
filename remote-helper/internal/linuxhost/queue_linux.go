package linuxhost

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// Attributes of the types (linux/pkt_sched.h).
const (
	tbfParms, tbfRate64, tbfPeakRate64, tbfBurst                = 1, 4, 5, 6
	htbParms, htbInit, htbRate64, htbCeil64                     = 1, 2, 6, 7
	netemCorr, netemReorder, netemCorrupt                       = 1, 3, 4
	netemLoss, netemRate, netemECN, netemRate64                 = 5, 6, 7, 8
	netemLatency64, netemJitter64, netemSlot                    = 10, 11, 12
	sizeofRateSpec, sizeofTBF, sizeofNetem, sizeofHTB, sizeHTBG = 12, 36, 24, 44, 20
)

// clampedTicks is beyond what the kernel takes for tbf's bucket as a duration (4 s): a
// bigger one has to be told as a size.
const clampedTicks = 4e9 / 64

// rateSpec is struct tc_ratespec of Ethernet frames; a rate that does not fit stands
// in an attribute of its own.
func rateSpec(rate uint64) []byte {
	b := []byte{0, nl.LINKLAYER_ETHERNET, 0, 0, 0, 0, 0, 0}
	return native.AppendUint32(b, uint32(min(rate, math.MaxUint32)))
}

// plainRate reads it; ok is false for one with an overhead or another link layer.
func plainRate(b []byte) (rate uint64, ok bool) {
	ok = b[1]&nl.TC_LINKLAYER_MASK <= nl.LINKLAYER_ETHERNET && native.Uint16(b[2:]) == 0 && native.Uint16(b[6:]) == 0
	return uint64(native.Uint32(b[8:])), ok
}

func tbfData(t state.TBF) []byte {
	parms := append(rateSpec(t.Rate), rateSpec(t.PeakRate)...)
	ticks := state.BurstTicks(t.Rate, t.Burst)
	parms = native.AppendUint32(native.AppendUint32(parms, t.Limit), ticks)
	mtu := uint32(0)
	if t.PeakRate != 0 {
		mtu = state.BurstTicks(t.PeakRate, t.MTU)
	} else {
		clear(parms[sizeofRateSpec : 2*sizeofRateSpec])
	}
	data := nl.NewRtAttr(nl.TCA_OPTIONS, nil)
	data.AddRtAttr(tbfParms, native.AppendUint32(parms, mtu))
	addRate64(data, tbfRate64, t.Rate)
	addRate64(data, tbfPeakRate64, t.PeakRate)
	if ticks > clampedTicks {
		data.AddRtAttr(tbfBurst, nl.Uint32Attr(t.Burst))
	}
	return data.Serialize()[unix.SizeofRtAttr:]
}

func addRate64(data *nl.RtAttr, kind int, rate uint64) {
	if rate > math.MaxUint32 {
		data.AddRtAttr(kind, nl.Uint64Attr(rate))
	}
}

func tbfText(options []byte) (string, bool) {
	var t state.TBF
	known := false
	var burst, mtu uint32
	err := eachAttr(options, func(kind uint16, v []byte) error {
		switch {
		case kind == tbfParms && len(v) >= sizeofTBF:
			var plain, plainPeak bool
			t.Rate, plain = plainRate(v)
			t.PeakRate, plainPeak = plainRate(v[sizeofRateSpec:])
			t.Limit, burst, mtu = native.Uint32(v[24:]), native.Uint32(v[28:]), native.Uint32(v[32:])
			known = plain && plainPeak && t.Rate != 0
		case kind == tbfRate64 && len(v) == 8:
			t.Rate = native.Uint64(v)
		case kind == tbfPeakRate64 && len(v) == 8:
			t.PeakRate = native.Uint64(v)
		}
		return nil
	})
	t.Burst = state.BurstSize(t.Rate, burst)
	if burst > clampedTicks {
		t.Burst = roundUp(t.Rate, burst)
	}
	if t.PeakRate != 0 {
		t.MTU = state.BurstSize(t.PeakRate, mtu)
	}
	return t.String(), known && err == nil
}

// roundUp is the size of a bucket that was told as one: the kernel's duration is rounded down.
func roundUp(rate uint64, ticks uint32) uint32 {
	size := state.BurstSize(rate, ticks)
	if state.BurstTicks(rate, size) < ticks {
		return size + 1
	}
	return size
}

func htbData(defaultClass, options string) ([]byte, error) {
	class := uint64(0)
	if defaultClass != "" {
		var err error
		if class, err = strconv.ParseUint(defaultClass, 16, 16); err != nil {
			return nil, fmt.Errorf("default %q: %w", defaultClass, err)
		}
	}
	r2q := uint64(10)
	if text, ok := strings.CutPrefix(options, "r2q "); ok {
		var err error
		if r2q, err = strconv.ParseUint(text, 10, 32); err != nil {
			return nil, fmt.Errorf("r2q %q: %w", text, err)
		}
	}
	glob := make([]byte, 0, sizeHTBG)
	for _, n := range []uint32{3, uint32(r2q), uint32(class), 0, 0} { // version, rate to quantum, default
		glob = native.AppendUint32(glob, n)
	}
	data := nl.NewRtAttr(nl.TCA_OPTIONS, nil)
	data.AddRtAttr(htbInit, glob)
	return data.Serialize()[unix.SizeofRtAttr:], nil
}

// htbText reads it: the default class, "" for none, and other options.
func htbText(data []byte) (defaultClass, options string, known bool) {
	err := eachAttr(data, func(kind uint16, v []byte) error {
		if kind != htbInit || len(v) < sizeHTBG {
			return nil
		}
		known = true
		if class := native.Uint32(v[8:]); class != 0 {
			defaultClass = strconv.FormatUint(uint64(class), 16)
		}
		if r2q := native.Uint32(v[4:]); r2q != 10 {
			options = "r2q " + strconv.FormatUint(uint64(r2q), 10)
		}
		return nil
	})
	return defaultClass, options, known && err == nil
}

func classData(c state.HTBClass) []byte {
	parms := append(rateSpec(c.Rate), rateSpec(c.Ceil)...)
	for _, n := range []uint32{state.BurstTicks(c.Rate, c.Burst), state.BurstTicks(c.Ceil, c.CBurst), c.Quantum, 0, c.Prio} {
		parms = native.AppendUint32(parms, n)
	}
	data := nl.NewRtAttr(nl.TCA_OPTIONS, nil)
	data.AddRtAttr(htbParms, parms)
	addRate64(data, htbRate64, c.Rate)
	addRate64(data, htbCeil64, c.Ceil)
	return data.Serialize()[unix.SizeofRtAttr:]
}

func parseClass(t tcMessage) (state.HTBClass, error) {
	c := state.HTBClass{ID: state.HandleText(t.handle), Parent: state.HandleText(t.handle &^ 0xffff)}
	if t.parent != tcRoot {
		c.Parent = state.HandleText(t.parent)
	}
	var burst, cburst uint32
	inner := false
	err := eachAttr(t.options, func(kind uint16, v []byte) error {
		switch {
		case kind == htbParms && len(v) >= sizeofHTB:
			c.Rate, _ = plainRate(v)
			c.Ceil, _ = plainRate(v[sizeofRateSpec:])
			burst, cburst, c.Quantum, c.Prio = native.Uint32(v[24:]), native.Uint32(v[28:]), native.Uint32(v[32:]), native.Uint32(v[40:])
			inner = native.Uint32(v[36:]) > 0
		case kind == htbRate64 && len(v) == 8:
			c.Rate = native.Uint64(v)
		case kind == htbCeil64 && len(v) == 8:
			c.Ceil = native.Uint64(v)
		}
		return nil
	})
	if inner {
		c.Quantum = 0 // what is left of the time when it was a leaf
	}
	c.Burst, c.CBurst = state.BurstSize(c.Rate, burst), state.BurstSize(c.Ceil, cburst)
	return c, err
}

// classes are those of an htb, each after its parent, else by number.
func (sp *space) classes(qdisc tcMessage) ([]string, error) {
	all, err := sp.dumpTC(unix.RTM_GETTCLASS, qdisc.index)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b tcMessage) int { return cmp.Compare(a.handle, b.handle) })
	children := map[uint32][]tcMessage{}
	for _, t := range all {
		if t.handle>>16 == qdisc.handle>>16 && t.kind == "htb" {
			children[t.parent] = append(children[t.parent], t)
		}
	}
	var out []string
	for level := children[tcRoot]; len(level) > 0; {
		var next []tcMessage
		for _, t := range level {
			c, err := parseClass(t)
			if err != nil {
				return nil, err
			}
			out = append(out, c.String())
			next = append(next, children[t.handle]...)
		}
		level = next
	}
	return out, nil
}

func netemData(n state.Netem) []byte {
	b := make([]byte, 0, 128)
	for _, v := range []uint32{ticks(n.Delay), n.Limit, n.Loss, n.Gap, n.Duplicate, ticks(n.Jitter)} {
		b = native.AppendUint32(b, v)
	}
	add := func(kind int, numbers ...uint32) {
		var v []byte
		for _, x := range numbers {
			v = native.AppendUint32(v, x)
		}
		b = append(b, nl.NewRtAttr(kind, v).Serialize()...)
	}
	add(netemCorr, n.DelayCorr, n.LossCorr, n.DupCorr)
	add(netemReorder, n.Reorder, n.ReorderCorr)
	add(netemCorrupt, n.Corrupt, n.CorruptCorr)
	add(netemRate, uint32(min(n.Rate, math.MaxUint32)), 0, 0, 0)
	if n.Rate > math.MaxUint32 {
		b = append(b, nl.NewRtAttr(netemRate64, nl.Uint64Attr(n.Rate)).Serialize()...)
	}
	b = append(b, nl.NewRtAttr(netemLatency64, nl.Uint64Attr(uint64(n.Delay))).Serialize()...)
	return append(b, nl.NewRtAttr(netemJitter64, nl.Uint64Attr(uint64(n.Jitter))).Serialize()...)
}

// ticks is a duration for kernels that do not know nanoseconds (before 4.15).
func ticks(d time.Duration) uint32 { return uint32(min(d/64, math.MaxUint32)) }

func netemText(options []byte) (string, bool) {
	if len(options) < sizeofNetem {
		return "", false
	}
	at := func(i int) uint32 { return native.Uint32(options[4*i:]) }
	n := state.Netem{Delay: time.Duration(at(0)) * 64, Limit: at(1), Loss: at(2), Gap: at(3), Duplicate: at(4), Jitter: time.Duration(at(5)) * 64}
	known := true
	err := eachAttr(options[sizeofNetem:], func(kind uint16, v []byte) error {
		known = netemAttr(&n, kind, v) && known
		return nil
	})
	return n.String(), known && err == nil
}

// netemAttr reads one attribute; false is something that has no word here.
func netemAttr(n *state.Netem, kind uint16, v []byte) bool {
	number := func(i int) uint32 {
		if len(v) < 4*i+4 {
			return 0
		}
		return native.Uint32(v[4*i:])
	}
	switch kind {
	case netemCorr:
		n.DelayCorr, n.LossCorr, n.DupCorr = number(0), number(1), number(2)
	case netemReorder:
		n.Reorder, n.ReorderCorr = number(0), number(1)
	case netemCorrupt:
		n.Corrupt, n.CorruptCorr = number(0), number(1)
	case netemRate:
		n.Rate = max(n.Rate, uint64(number(0)))
		return number(1) == 0 && number(2) == 0 && number(3) == 0
	case netemRate64:
		n.Rate = native.Uint64(v)
	case netemLatency64:
		n.Delay = time.Duration(native.Uint64(v))
	case netemJitter64:
		n.Jitter = time.Duration(native.Uint64(v))
	case netemLoss, netemSlot:
		return false
	case netemECN:
		return number(0) == 0
	}
	return true
}
