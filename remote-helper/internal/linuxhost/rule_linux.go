package linuxhost

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// readRules lists the policy rules of both families. The kernel's own three and
// rules with conditions that a state.Rule cannot say (ports, users, tunnels, goto,
// not) are left out.
func (s *session) readRules(q *query) ([]state.Object, error) {
	sp, err := s.space(q.scope)
	if err != nil {
		return nil, err
	}
	var out []state.Object
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		msgs, err := dump(func() *nl.NetlinkRequest {
			req := sp.request(unix.RTM_GETRULE, unix.NLM_F_DUMP)
			req.AddData(nl.NewIfInfomsg(family))
			return req
		}, unix.RTM_NEWRULE)
		// A kernel without IPv6 or without policy routing has no rules.
		if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list rules: %w", err)
		}
		for _, m := range msgs {
			r, ok, err := parseRule(q.scope, m)
			if err != nil {
				return nil, fmt.Errorf("list rules: %w", err)
			}
			if ok {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// ruleInfo collects what the attributes of a rule say.
type ruleInfo struct {
	state.Rule
	srcBits, dstBits int
	mark             uint32
	mask             *uint32
	odd              bool // has a condition that state.Rule has not
}

// parseRule reads an RTM_NEWRULE message without its header. false is a rule that is no object.
func parseRule(scope state.Scope, m []byte) (state.Rule, bool, error) {
	if len(m) < unix.SizeofRtMsg {
		return state.Rule{}, false, fmt.Errorf("rule message of %d bytes", len(m))
	}
	r := ruleInfo{Rule: state.Rule{Scope: scope, Family: 4, Table: int(m[4])}, dstBits: int(m[1]), srcBits: int(m[2])}
	if m[0] == unix.AF_INET6 {
		r.Family = 6
	}
	action, known := ruleActions()[m[7]]
	const invert = 2 // FIB_RULE_INVERT
	r.Action, r.odd = action, !known || m[3] != 0 || native.Uint32(m[8:])&invert != 0
	if err := eachAttr(m[unix.SizeofRtMsg:], r.attr); err != nil {
		return state.Rule{}, false, err
	}
	r.FwMark = markText(r.mark, r.mask)
	return r.Rule, !r.odd && r.Protocol != unix.RTPROT_KERNEL, nil
}

func (r *ruleInfo) attr(kind uint16, v []byte) error {
	switch kind {
	case nl.FRA_SRC:
		r.From = addrText(v) + "/" + strconv.Itoa(r.srcBits)
	case nl.FRA_DST:
		r.To = addrText(v) + "/" + strconv.Itoa(r.dstBits)
	case nl.FRA_IIFNAME:
		r.IIF = cString(v)
	case nl.FRA_OIFNAME:
		r.OIF = cString(v)
	case nl.FRA_PRIORITY:
		r.Priority = number(v)
	case nl.FRA_TABLE:
		r.Table = number(v)
	case nl.FRA_PROTOCOL:
		r.Protocol = number(v)
	case nl.FRA_FWMARK:
		r.mark = uint32(number(v))
	case nl.FRA_FWMASK:
		r.mask = new(uint32(number(v)))
	case nl.FRA_SUPPRESS_PREFIXLEN, nl.FRA_SUPPRESS_IFGROUP:
		r.odd = r.odd || number(v) != -1
	case nl.FRA_PAD:
	default:
		r.odd = true
	}
	return nil
}

func markText(mark uint32, mask *uint32) string {
	switch {
	case mark == 0 && (mask == nil || *mask == 0):
		return ""
	case mask == nil || *mask == 0xffffffff:
		return fmt.Sprintf("0x%x", mark)
	}
	return fmt.Sprintf("0x%x/0x%x", mark, *mask)
}

// ruleActions are the words of ip rule; lookup goes without saying.
func ruleActions() map[uint8]string {
	return map[uint8]string{nl.FR_ACT_TO_TBL: "", nl.FR_ACT_BLACKHOLE: "blackhole",
		nl.FR_ACT_UNREACHABLE: "unreachable", nl.FR_ACT_PROHIBIT: "prohibit"}
}

// libRule is the rule as the library wants it.
func libRule(r state.Rule) (*netlink.Rule, error) {
	out := netlink.NewRule()
	out.Family, out.Priority, out.Table = netlink.FAMILY_V4, r.Priority, r.Table
	if r.Family == 6 {
		out.Family = netlink.FAMILY_V6
	}
	out.IifName, out.OifName, out.Protocol = r.IIF, r.OIF, uint8(r.Protocol)
	action, ok := keyOf(ruleActions(), r.Action)
	if !ok {
		return nil, fmt.Errorf("action %q: want blackhole, unreachable, prohibit or none", r.Action)
	}
	out.Type = action
	var err error
	if out.Src, err = optionalNet(r.From); err != nil {
		return nil, err
	}
	if out.Dst, err = optionalNet(r.To); err != nil {
		return nil, err
	}
	return out, setMark(out, r.FwMark)
}

func setMark(out *netlink.Rule, text string) error {
	if text == "" {
		return nil
	}
	mark, mask, masked := strings.Cut(text, "/")
	value, err := strconv.ParseUint(mark, 0, 32)
	if err != nil {
		return fmt.Errorf("fwmark %q: want 0x1 or 0x1/0xff", text)
	}
	out.Mark = uint32(value)
	if !masked {
		return nil
	}
	bits, err := strconv.ParseUint(mask, 0, 32)
	if err != nil {
		return fmt.Errorf("fwmark %q: want 0x1 or 0x1/0xff", text)
	}
	out.Mask = new(uint32(bits))
	return nil
}

// optionalNet reads a prefix or an address; "" is nil.
func optionalNet(text string) (*net.IPNet, error) {
	if text == "" {
		return nil, nil
	}
	p, err := parsePrefix(text)
	if err != nil {
		return nil, err
	}
	return toIPNet(p), nil
}
