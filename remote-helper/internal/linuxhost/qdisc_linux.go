package linuxhost

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// Places of a qdisc that are no class (linux/pkt_sched.h).
const (
	tcRoot    = 0xffffffff
	tcIngress = 0xfffffff1 // clsact too
)

// tcMessage is a message about a qdisc or a class.
type tcMessage struct {
	index, handle, parent uint32
	kind                  string
	options               []byte
}

// parseTC reads RTM_NEWQDISC and RTM_NEWTCLASS without their headers.
func parseTC(m []byte) (tcMessage, error) {
	if len(m) < nl.SizeofTcMsg {
		return tcMessage{}, fmt.Errorf("message of %d bytes", len(m))
	}
	t := tcMessage{index: native.Uint32(m[4:]), handle: native.Uint32(m[8:]), parent: native.Uint32(m[12:])}
	return t, eachAttr(m[nl.SizeofTcMsg:], func(kind uint16, v []byte) error {
		switch kind {
		case nl.TCA_KIND:
			t.kind = cString(v)
		case nl.TCA_OPTIONS:
			t.options = v
		}
		return nil
	})
}

func (sp *space) dumpTC(command int, index uint32) ([]tcMessage, error) {
	msgs, err := dump(func() *nl.NetlinkRequest {
		req := sp.request(command, unix.NLM_F_DUMP)
		req.AddData(&nl.TcMsg{Ifindex: int32(index)})
		return req
	}, uint16(command-2)) // RTM_NEW... of RTM_GET...
	if err != nil {
		return nil, fmt.Errorf("list qdiscs: %w", err)
	}
	out := make([]tcMessage, 0, len(msgs))
	for _, m := range msgs {
		t, err := parseTC(m)
		if err != nil {
			return nil, fmt.Errorf("list qdiscs: %w", err)
		}
		out = append(out, t)
	}
	return out, nil
}

// sendTC asks for a change.
func (sp *space) sendTC(command, flags int, t tcMessage) error {
	req := sp.request(command, unix.NLM_F_ACK|flags)
	req.AddData(&nl.TcMsg{Ifindex: int32(t.index), Handle: t.handle, Parent: t.parent})
	if t.kind != "" {
		req.AddData(nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated(t.kind)))
	}
	if t.options != nil {
		req.AddData(nl.NewRtAttr(nl.TCA_OPTIONS, t.options))
	}
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// readQdiscs lists the qdiscs of the scope that somebody asked for: those that the
// kernel made by itself have no handle.
func (s *session) readQdiscs(q *query) ([]state.Object, error) {
	sp, err := s.space(q.scope)
	if err != nil {
		return nil, err
	}
	table, err := sp.dumpLinks()
	if err != nil {
		return nil, err
	}
	all, err := sp.dumpTC(unix.RTM_GETQDISC, 0)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil // a kernel without traffic control
	}
	if err != nil {
		return nil, err
	}
	var out []state.Object
	for _, t := range all {
		info := table.byIndex[int(t.index)]
		if t.handle>>16 == 0 || info == nil {
			continue
		}
		o := state.Qdisc{Scope: q.scope, Link: info.name, Parent: parentText(t.parent), Type: t.kind, Handle: state.HandleText(t.handle)}
		if err := sp.describeQdisc(&o, t); err != nil {
			return nil, fmt.Errorf("qdisc of %q: %w", info.name, err)
		}
		out = append(out, o)
	}
	return out, nil
}

func parentText(parent uint32) string {
	switch parent {
	case tcRoot:
		return state.QdiscRoot
	case tcIngress:
		return "ingress"
	}
	return state.HandleText(parent)
}

func parseParent(text string) (uint32, error) {
	switch text {
	case state.QdiscRoot:
		return tcRoot, nil
	case "ingress":
		return tcIngress, nil
	}
	return state.ParseHandle(text)
}

// describeQdisc fills in the options in words, or as the kernel has them.
func (sp *space) describeQdisc(o *state.Qdisc, t tcMessage) error {
	known := false
	switch t.kind {
	case "tbf":
		o.Options, known = tbfText(t.options)
	case "netem":
		o.Options, known = netemText(t.options)
	case "htb":
		if o.Default, o.Options, known = htbText(t.options); known {
			classes, err := sp.classes(t)
			o.Classes = strings.Join(classes, "; ")
			return err
		}
	}
	if !known {
		o.Raw = hex.EncodeToString(t.options)
	}
	return nil
}

// applyQdisc makes, changes or deletes a qdisc and its classes.
func (s *session) applyQdisc(c state.Change, q state.Qdisc) error {
	sp, err := s.space(q.Scope)
	if err != nil {
		return err
	}
	index, err := sp.indexOf(q.Link)
	if err != nil {
		return err
	}
	t := tcMessage{index: uint32(index), kind: q.Type}
	if t.parent, err = parseParent(q.Parent); err != nil {
		return err
	}
	if q.Handle != "" {
		if t.handle, err = state.ParseHandle(q.Handle); err != nil {
			return err
		}
	}
	var before state.Qdisc
	switch c.Op {
	case state.Delete:
		return sp.sendTC(unix.RTM_DELQDISC, 0, tcMessage{index: t.index, parent: t.parent, handle: t.handle})
	case state.Update:
		before = c.Before.(state.Qdisc)
	}
	if c.Op == state.Create || q.Options != before.Options {
		if err := sp.setQdisc(c.Op, t, q); err != nil {
			return err
		}
	}
	return sp.setClasses(t.index, q, before)
}

func (sp *space) setQdisc(op state.Op, t tcMessage, q state.Qdisc) error {
	var err error
	if t.options, err = qdiscData(q); err != nil {
		return err
	}
	flags := 0
	if op == state.Create {
		flags = unix.NLM_F_CREATE | unix.NLM_F_EXCL
	}
	err = sp.sendTC(unix.RTM_NEWQDISC, flags, t)
	if errors.Is(err, unix.ENOENT) && op == state.Create {
		return fmt.Errorf("%w (no kernel support for %s?)", err, q.Type)
	}
	return err
}

// qdiscData is the options as the kernel takes them.
func qdiscData(q state.Qdisc) ([]byte, error) {
	if q.Raw != "" {
		return hex.DecodeString(q.Raw)
	}
	switch q.Type {
	case "tbf":
		t, err := state.ParseTBF(strings.Fields(q.Options))
		return tbfData(t), err
	case "netem":
		n, err := state.ParseNetem(strings.Fields(q.Options))
		return netemData(n), err
	case "htb":
		return htbData(q.Default, q.Options)
	}
	return nil, nil // one without options
}

// setClasses makes the classes what they are to be: parents before their children,
// and the other way round for those that go.
func (sp *space) setClasses(index uint32, q, before state.Qdisc) error {
	want, have := q.ClassList(), before.ClassList()
	for _, line := range slices.Backward(have) {
		id, _, _ := strings.Cut(line, " ")
		if slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(w, id+" ") }) {
			continue
		}
		handle, err := state.ParseHandle(id)
		if err != nil {
			return err
		}
		if err := sp.sendTC(unix.RTM_DELTCLASS, 0, tcMessage{index: index, handle: handle}); err != nil {
			return fmt.Errorf("delete class %s: %w", id, err)
		}
	}
	for _, line := range want {
		if slices.Contains(have, line) {
			continue
		}
		if err := sp.setClass(index, line); err != nil {
			return fmt.Errorf("set class %q: %w", line, err)
		}
	}
	return nil
}

func (sp *space) setClass(index uint32, line string) error {
	c, err := state.ParseHTBClass(line)
	if err != nil {
		return err
	}
	t := tcMessage{index: index, kind: "htb", options: classData(c)}
	if t.handle, err = state.ParseHandle(c.ID); err != nil {
		return err
	}
	if t.parent, err = state.ParseHandle(c.Parent); err != nil {
		return err
	}
	return sp.sendTC(unix.RTM_NEWTCLASS, unix.NLM_F_CREATE, t)
}
