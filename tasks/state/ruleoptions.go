package state

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// optionOrders are the orders in which iptables-save prints the options of a match.
var optionOrders = map[string][]string{
	"tcp":  {"--sport", "--dport", "--tcp-option", "--tcp-flags"},
	"udp":  {"--sport", "--dport"},
	"sctp": {"--sport", "--dport", "--chunk-types"},
	"conntrack": {"--ctstate", "--ctproto", "--ctorigsrc", "--ctorigdst", "--ctreplsrc", "--ctrepldst",
		"--ctorigsrcport", "--ctorigdstport", "--ctreplsrcport", "--ctrepldstport", "--ctstatus", "--ctexpire", "--ctdir"},
}

// optionRank is the place of an option among those of its match.
func optionRank(module string, words []string) int {
	name := words[0]
	if name == "!" && len(words) > 1 {
		name = words[1]
	}
	return slices.Index(optionOrders[module], name)
}

var stateOrder = []string{"INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT"}

var icmpTypes = map[string]string{"echo-reply": "0", "pong": "0", "destination-unreachable": "3", "source-quench": "4",
	"redirect": "5", "echo-request": "8", "ping": "8", "router-advertisement": "9", "router-solicitation": "10",
	"time-exceeded": "11", "ttl-exceeded": "11", "parameter-problem": "12", "timestamp-request": "13", "timestamp-reply": "14"}

var icmp6Types = map[string]string{"destination-unreachable": "1", "packet-too-big": "2", "time-exceeded": "3", "ttl-exceeded": "3",
	"parameter-problem": "4", "echo-request": "128", "ping": "128", "echo-reply": "129", "pong": "129",
	"router-solicitation": "133", "router-advertisement": "134", "neighbour-solicitation": "135", "neighbor-solicitation": "135",
	"neighbour-advertisement": "136", "neighbor-advertisement": "136", "redirect": "137"}

// option is one option of the module in the words of iptables-save.
func (r *ruleWords) option(module string, words []string) []string {
	words = slices.Clone(words)
	at := 0
	if words[0] == "!" && len(words) > 1 {
		at = 1
	}
	words[at] = optionName(module, words[at])
	if words[at] == "--syn" {
		return append(words[:at:at], "--tcp-flags", "FIN,SYN,RST,ACK", "SYN")
	}
	if len(words) == at+2 {
		words[at], words[at+1] = optionValue(module, words[at], words[at+1])
	}
	return words
}

// optionName replaces aliases.
func optionName(module, name string) string {
	switch name {
	case "--source-port":
		name = "--sport"
	case "--destination-port":
		name = "--dport"
	case "--source-ports":
		name = "--sports"
	case "--destination-ports":
		name = "--dports"
	case "--to":
		switch module {
		case "DNAT":
			return "--to-destination"
		case "SNAT":
			return "--to-source"
		case "REDIRECT", "MASQUERADE":
			return "--to-ports"
		}
	}
	switch {
	case module == "multiport" && (name == "--sport" || name == "--dport"):
		return name + "s"
	case module == "REDIRECT" && name == "--to-port":
		return "--to-ports"
	}
	return name
}

// optionValue is the option with its one value.
func optionValue(module, name, value string) (newName, newValue string) {
	switch name {
	case "--ctstate", "--state":
		return name, sortedStates(value)
	case "--icmp-type":
		return name, named(icmpTypes, value)
	case "--icmpv6-type":
		return name, named(icmp6Types, value)
	case "--sport", "--dport":
		return name, portRange(value)
	case "--ctorigsrc", "--ctorigdst", "--ctreplsrc", "--ctrepldst":
		return name, strings.TrimSuffix(strings.TrimSuffix(value, "/32"), "/128")
	case "--mark":
		if module == "mark" || module == "connmark" {
			return name, hexMark(value)
		}
	case "--set-mark":
		if module == "MARK" || module == "CONNMARK" {
			return "--set-xmark", fullMark(value)
		}
	}
	return name, value
}

func named(names map[string]string, value string) string {
	if number, ok := names[value]; ok {
		return number
	}
	return value
}

// sortedStates puts connection states into the kernel's order.
func sortedStates(text string) string {
	states := strings.Split(text, ",")
	for i := range states {
		states[i] = strings.ToUpper(states[i])
	}
	slices.SortStableFunc(states, func(a, b string) int { return slices.Index(stateOrder, a) - slices.Index(stateOrder, b) })
	return strings.Join(slices.Compact(states), ",")
}

// portRange fills in the open end of a range.
func portRange(text string) string {
	low, high, isRange := strings.Cut(text, ":")
	switch {
	case !isRange:
		return text
	case low == "":
		low = "0"
	}
	if high == "" {
		high = "65535"
	}
	return low + ":" + high
}

// hexMark is a mark, and its mask if it has one, in hexadecimal.
func hexMark(text string) string {
	mark, mask, masked := strings.Cut(text, "/")
	value, err := strconv.ParseUint(mark, 0, 32)
	if err != nil {
		return text
	}
	out := fmt.Sprintf("0x%x", value)
	if !masked {
		return out
	}
	bits, err := strconv.ParseUint(mask, 0, 32)
	if err != nil {
		return text
	}
	if bits == 0xffffffff {
		return out
	}
	return fmt.Sprintf("%s/0x%x", out, bits)
}

// fullMark is --set-mark's value as one of --set-xmark. With a mask the bits of the
// mark are added to those that are cleared.
func fullMark(text string) string {
	mark, mask, masked := strings.Cut(text, "/")
	value, err := strconv.ParseUint(mark, 0, 32)
	if err != nil {
		return text
	}
	if !masked {
		return fmt.Sprintf("0x%x/0xffffffff", value)
	}
	bits, err := strconv.ParseUint(mask, 0, 32)
	if err != nil {
		return text
	}
	return fmt.Sprintf("0x%x/0x%x", value, bits|value)
}
