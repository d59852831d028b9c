package state

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// CanonicalRule is a rule's arguments as iptables-save prints them, so that a rule
// that a person wrote compares equal to the same rule read back. A rule that
// iptables-save printed comes out as it went in. It knows
//
//   - the long forms and aliases of -s -d -i -o -p -j -g -m, "! " in its old place, and
//     the order -s -d -i -o -p, then the matches as they stand, then the target;
//   - addresses without a prefix length or with a mask, protocols by number, and that
//     0.0.0.0/0, ::/0, "all" and "+" say nothing;
//   - -m tcp, udp, sctp, icmp, icmp6 and comment where only their options are written, and
//     --syn, --dport of multiport, common names of ICMP types;
//   - the order of options and of states in conntrack, state, tcp and udp;
//   - --to, --set-mark, and what REJECT does when it is not told.
//
// Words of other matches and targets are kept as they are: those are to be written
// as iptables-save prints them. It never fails: what it does not understand, it keeps.
func CanonicalRule(family int, args []string) []string {
	r := &ruleWords{family: family, header: map[string][]string{}}
	r.parse(oldNegation(args))
	return r.words()
}

// ruleWords is a rule taken apart.
type ruleWords struct {
	family   int
	header   map[string][]string // -s, -d, -i, -o, -p, -f: the words, "!" included
	protocol string
	matches  []ruleModule
	target   ruleModule // name "-j X" or "-g X"
}

// ruleModule is a match or a target with its options.
type ruleModule struct {
	head    []string // -m tcp, or -j DNAT
	options [][]string
}

func (m ruleModule) name() string {
	if len(m.head) < 2 {
		return ""
	}
	return m.head[1]
}

var headerOrder = []string{"-s", "-d", "-i", "-o", "-p", "-f"}

var longOptions = map[string]string{
	"--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d", "--in-interface": "-i", "--out-interface": "-o",
	"--protocol": "-p", "--proto": "-p", "--jump": "-j", "--goto": "-g", "--match": "-m", "--fragment": "-f",
}

// oldNegation moves "!" from between an option and its value to before the option.
func oldNegation(args []string) []string {
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		word := args[i]
		if short, ok := longOptions[word]; ok {
			word = short
		}
		if i+2 < len(args) && args[i+1] == "!" && isOption(word) && !isOption(args[i+2]) {
			out = append(out, "!", word)
			i++
			continue
		}
		out = append(out, word)
	}
	return out
}

func isOption(word string) bool { return len(word) > 1 && word[0] == '-' }

// parse sorts the words into header, matches and target. Options belong to the
// match or target before them, as for iptables; before any, to the one they imply.
func (r *ruleWords) parse(args []string) {
	options := splitOptions(args)
	for _, words := range options {
		if words[0] == "-p" && len(words) == 2 {
			r.protocol = canonicalProtocol(words[1])
		}
	}
	var current *ruleModule
	for _, words := range options {
		name := words[0]
		if name == "!" && len(words) > 1 {
			name = words[1]
		}
		switch {
		case slices.Contains(headerOrder, name):
			r.setHeader(name, words)
		case name == "-m" && len(words) == 2:
			r.matches = append(r.matches, ruleModule{head: words})
			current = &r.matches[len(r.matches)-1]
		case name == "-j" || name == "-g":
			r.target = ruleModule{head: words}
			current = &r.target
		default:
			current = r.owner(current, name)
			current.options = append(current.options, r.option(current.name(), words))
		}
	}
}

// splitOptions splits the words into options with their values.
func splitOptions(args []string) [][]string {
	var out [][]string
	for len(args) > 0 {
		n := optionLen(args)
		out = append(out, args[:n])
		args = args[n:]
	}
	return out
}

// optionLen is how many words the first option takes: a "!", its name, and its
// values up to the next option. The text of a comment or prefix may look like one.
func optionLen(args []string) int {
	n := 0
	if args[0] == "!" && len(args) > 1 {
		n = 1
	}
	name := args[n]
	n++
	switch name {
	case "--comment", "--log-prefix", "--nflog-prefix", "--string", "--hex-string", "-m", "-j", "-g", "-s", "-d", "-i", "-o", "-p":
		return min(n+1, len(args))
	}
	for n < len(args) && !isOption(args[n]) && args[n] != "!" {
		n++
	}
	return n
}

// owner is the module that the option belongs to. An option of another match than
// the present one brings that match with it.
func (r *ruleWords) owner(current *ruleModule, option string) *ruleModule {
	implied := impliedMatch(r.protocol, option)
	if implied == "" || (current != nil && knowsOption(current.name(), implied, option)) {
		if current == nil {
			r.matches = append(r.matches, ruleModule{})
			current = &r.matches[len(r.matches)-1]
		}
		return current
	}
	for i := range r.matches {
		if knowsOption(r.matches[i].name(), implied, option) {
			return &r.matches[i]
		}
	}
	r.matches = append(r.matches, ruleModule{head: []string{"-m", implied}})
	return &r.matches[len(r.matches)-1]
}

// impliedMatch is the match that an option means where no -m says another.
func impliedMatch(protocol, option string) string {
	switch option {
	case "--sport", "--dport", "--source-port", "--destination-port":
		return protocol
	case "--syn", "--tcp-flags", "--tcp-option":
		return "tcp"
	case "--icmp-type":
		return "icmp"
	case "--icmpv6-type":
		return "icmp6"
	case "--comment":
		return "comment"
	}
	return ""
}

func knowsOption(module, implied, option string) bool {
	ports := strings.HasSuffix(option, "port")
	return module == implied || (module == "multiport" && ports)
}

func (r *ruleWords) setHeader(name string, words []string) {
	if len(words) == 1 {
		r.header[name] = words
		return
	}
	value := words[len(words)-1]
	switch name {
	case "-s", "-d":
		value = canonicalNet(r.family, value)
	case "-p":
		value = canonicalProtocol(value)
	}
	negated := words[0] == "!"
	if value == "" || (value == "+" && !negated) {
		return
	}
	r.header[name] = append(slices.Clone(words[:len(words)-1]), value)
}

// canonicalNet is the address with its prefix length; "" for every address. Names
// and lists are kept.
func canonicalNet(family int, text string) string {
	host, bits, hasBits := strings.Cut(text, "/")
	ip, err := netip.ParseAddr(host)
	if err != nil || (ip.Is6() != (family == 6)) {
		return text
	}
	n := ip.BitLen()
	if hasBits {
		if n, err = strconv.Atoi(bits); err != nil {
			n = maskBits(bits)
		}
	}
	p, err := ip.Prefix(n)
	if err != nil {
		return text
	}
	if p.Bits() == 0 {
		return ""
	}
	return p.String()
}

// maskBits is the length of 255.255.255.0; -1 for what is no such mask.
func maskBits(text string) int {
	mask, err := netip.ParseAddr(text)
	if err != nil {
		return -1
	}
	for bits := range mask.BitLen() + 1 {
		ones := netip.AddrFrom4([4]byte{255, 255, 255, 255})
		if p, err := ones.Prefix(bits); err == nil && p.Addr() == mask {
			return bits
		}
	}
	return -1
}

var protocolNames = map[string]string{"1": "icmp", "6": "tcp", "17": "udp", "47": "gre", "50": "esp", "51": "ah",
	"58": "ipv6-icmp", "132": "sctp", "icmpv6": "ipv6-icmp", "all": "", "0": ""}

func canonicalProtocol(text string) string {
	text = strings.ToLower(text)
	if name, ok := protocolNames[text]; ok {
		return name
	}
	return text
}

// words puts the rule together again.
func (r *ruleWords) words() []string {
	var out []string
	for _, name := range headerOrder {
		out = append(out, r.header[name]...)
	}
	for _, m := range r.matches {
		out = m.appendTo(out)
	}
	if r.target.name() == "REJECT" && len(r.target.options) == 0 {
		r.target.options = [][]string{{"--reject-with", r.rejection()}}
	}
	return r.target.appendTo(out)
}

func (r *ruleWords) rejection() string {
	if r.family == 6 {
		return "icmp6-port-unreachable"
	}
	return "icmp-port-unreachable"
}

func (m ruleModule) appendTo(out []string) []string {
	out = append(out, m.head...)
	slices.SortStableFunc(m.options, func(a, b []string) int { return optionRank(m.name(), a) - optionRank(m.name(), b) })
	for _, o := range m.options {
		out = append(out, o...)
	}
	return out
}
