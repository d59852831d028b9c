package tasks

import (
	"errors"
	"fmt"
	"strings"

	"netrun/tasks/state"
)

// IPTables is a chain of netrun's own and the jumps that lead to it.
type IPTables struct {
	Chain     string    `arg:"chain,required" doc:"name of the chain; NETRUN- is put before it"`
	Table     string    `arg:"table" default:"filter" choices:"filter,nat,mangle,raw" doc:"table that the chain is in"`
	Rules     []any     `arg:"rules" doc:"all rules of the chain in order: matches and target in the words of iptables, each a text (quotes group words; nothing is expanded but ${src ADDRESS}, ${dev ADDRESS}, ${addr4 LINK}, ${addr6 LINK}) or a list of words"`
	JumpFrom  []string  `arg:"jump_from" doc:"chains from which packets go to the chain: INPUT, FORWARD, DOCKER-USER"`
	Match     any       `arg:"match" doc:"matches of the jump: a text or a list of words"`
	First     bool      `arg:"first" doc:"put the jump before, not after, the rules that are there"`
	Family    string    `arg:"family" default:"ipv4" choices:"ipv4,ipv6,both" doc:"iptables, ip6tables or both"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the jumps and the chain"`
	Netns     Netns     `arg:"netns" doc:"network namespace to work in, as ip netns lists it"`
	Container Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "iptables", Short: "a chain of iptables rules of its own", New: func() Task { return new(IPTables) }})
}

// maxChain is the longest name of a chain that iptables takes.
const maxChain = 28

func (t *IPTables) place() place { return place{t.Netns, t.Container} }

func (t *IPTables) name() string {
	if t.Chain == state.ChainPrefix || strings.HasPrefix(t.Chain, state.ChainPrefix+"-") {
		return t.Chain
	}
	return state.ChainPrefix + "-" + t.Chain
}

// Check implements Task.
func (t *IPTables) Check() error {
	errs := []error{t.place().check()}
	if err := chainError(t.name()); err != nil {
		errs = append(errs, Wrong("chain", "%v", err))
	}
	for i, from := range t.JumpFrom {
		if err := chainError(from); err != nil {
			errs = append(errs, at(Wrong("jump_from", "%v", err), i))
		}
		if from == t.name() {
			errs = append(errs, at(Wrong("jump_from", "%s cannot lead to itself", from), i))
		}
	}
	for i, rule := range t.Rules {
		if _, err := ruleWords(rule, true); err != nil {
			errs = append(errs, at(Wrong("rules", "%v", err), i))
		}
	}
	if t.Match != nil {
		if _, err := ruleWords(t.Match, false); err != nil {
			errs = append(errs, Wrong("match", "%v", err))
		}
	}
	return errors.Join(errs...)
}

// chainError wants a name that iptables takes and that no iptables-restore line trips over.
func chainError(name string) error {
	if name == "" || len(name) > maxChain {
		return fmt.Errorf("chain name %q has %d characters: 1 to %d fit", name, len(name), maxChain)
	}
	for _, r := range name {
		if r <= ' ' || r > '~' || strings.ContainsRune("\"'`\\$;|&<>()[]{}!*?#,:/", r) {
			return fmt.Errorf("chain name %q holds %q", name, r)
		}
	}
	if name[0] == '-' {
		return fmt.Errorf("chain name %q begins with a dash", name)
	}
	return nil
}

// ruleWords are the words of a rule, a text or a list.
func ruleWords(rule any, whole bool) ([]string, error) {
	var words []string
	switch rule := rule.(type) {
	case string:
		if r, bad := badRune(rule); bad {
			return nil, fmt.Errorf("rule %q holds the character %q", cut(rule, 60), r)
		}
		split, err := splitRule(rule)
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", cut(rule, 60), err)
		}
		words = split
	case []any:
		for _, w := range rule {
			text, ok := scalarText(w)
			if !ok {
				return nil, fmt.Errorf("%s is not a word of a rule", describe(w))
			}
			words = append(words, text)
		}
	default:
		return nil, fmt.Errorf("%s is not a rule: write a text or a list of words", describe(rule))
	}
	return words, checkRule(words, whole)
}

// splitRule splits a rule's text and keeps facts, which hold a blank, in one word.
func splitRule(text string) ([]string, error) {
	var quoted strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		quoted.WriteString(before)
		if !found {
			return SplitWords(quoted.String())
		}
		fact, after, closed := strings.Cut(rest, "}")
		if !closed || strings.ContainsAny(fact, `"'\`) {
			return nil, fmt.Errorf("%q is not a fact", "${"+cut(rest, 20))
		}
		quoted.WriteString(`"${` + fact + `}"`)
		text = after
	}
}

// checkRule wants words that say what a rule matches and does, not where it goes.
func checkRule(words []string, whole bool) error {
	if len(words) == 0 {
		return errors.New("the rule is empty")
	}
	target := false
	for i, w := range words {
		if r, bad := badRune(w); bad {
			return fmt.Errorf("word %q holds the character %q", w, r)
		}
		if i > 0 && words[i-1] == "--comment" {
			continue // any text
		}
		switch w {
		case "-A", "--append", "-I", "--insert", "-D", "--delete", "-R", "--replace", "-N", "--new-chain", "-X", "--delete-chain",
			"-F", "--flush", "-P", "--policy", "-E", "--rename-chain", "-Z", "--zero", "-L", "--list", "-S", "--list-rules", "-C", "--check", "-M", "--modprobe":
			return fmt.Errorf("%s is a command: a rule holds matches and a target only, such as -p tcp --dport 80 -j ACCEPT", w)
		case "-t", "--table":
			return fmt.Errorf("%s is not part of a rule: the argument table says it", w)
		case "-j", "--jump", "-g", "--goto":
			target = true
		}
	}
	if target && !whole {
		return errors.New("a match has no target: the chain is the target")
	}
	return nil
}

func (t *IPTables) families() []int {
	switch t.Family {
	case "ipv6":
		return []int{6}
	case "both":
		return []int{4, 6}
	}
	return []int{4}
}

// Want implements Wanter.
func (t *IPTables) Want() []state.Want {
	var objects []state.Object
	scope, name := t.place().scope(), t.name()
	for _, family := range t.families() {
		if t.State != absent {
			objects = append(objects, state.Table{Scope: scope, Family: family, Name: t.Table})
		}
		chain := state.Chain{Scope: scope, Family: family, Table: t.Table, Name: name}
		for _, rule := range t.Rules {
			words, err := ruleWords(rule, true)
			if err != nil {
				continue // Check refuses it
			}
			chain.Rules = append(chain.Rules, words)
		}
		objects = append(objects, chain)
		for _, from := range t.JumpFrom {
			objects = append(objects, state.Jump{Scope: scope, Family: family, Table: t.Table, From: from, To: name,
				Match: t.match(), First: t.First})
		}
	}
	return wants(t.State, objects...)
}

func (t *IPTables) match() []string {
	if t.Match == nil {
		return nil
	}
	words, err := ruleWords(t.Match, false)
	if err != nil {
		return nil // Check refuses it
	}
	return words
}
