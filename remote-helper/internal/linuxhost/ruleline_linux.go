package linuxhost

import (
	"fmt"
	"regexp"
	"strings"
)

// Bounds of iptables-restore: one argument fills a buffer of 1,024 bytes, one line one of 10,240.
const (
	maxRuleWord = 1000
	maxRuleLine = 10000
	maxWords    = 250
)

var (
	plainWord   = regexp.MustCompile(`^[A-Za-z0-9_.:/,+!@=%-]+$`)
	nameWord    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]*$`)
	shortOption = regexp.MustCompile(`^-([sdpmjgiof46]|[0-9.:/-]+)$`)
)

// validWord reports whether the text can be a table's or a chain's name.
func validWord(text string) bool { return nameWord.MatchString(text) }

// ruleLine is a line of iptables-restore: verb, which is netrun's own, and the
// rule's arguments, each quoted so that it stays one argument of that line.
func ruleLine(verb string, args []string) (string, error) {
	if len(args) > maxWords {
		return "", fmt.Errorf("%d arguments: want at most %d", len(args), maxWords)
	}
	var line strings.Builder
	line.WriteString(verb)
	value := false
	for _, arg := range args {
		if err := checkRuleWord(arg, value); err != nil {
			return "", err
		}
		value = takesText(arg)
		line.WriteByte(' ')
		line.WriteString(quoteRuleWord(arg))
	}
	if line.Len() > maxRuleLine {
		return "", fmt.Errorf("a rule of %d bytes: want at most %d", line.Len(), maxRuleLine)
	}
	return line.String(), nil
}

// takesText reports whether any text may follow the option.
func takesText(option string) bool {
	switch option {
	case "--comment", "--log-prefix", "--nflog-prefix", "--string", "--hex-string":
		return true
	}
	return false
}

// checkRuleWord refuses what could be more than a part of one rule: control
// characters, which end a line; and options that are commands of iptables, among
// them --modprobe, which names a program to run as root. value says that the word
// is an option's text, which getopt takes whatever it begins with.
func checkRuleWord(word string, value bool) error {
	if word == "" {
		return fmt.Errorf("an empty argument")
	}
	if len(word) > maxRuleWord {
		return fmt.Errorf("an argument of %d bytes: want at most %d", len(word), maxRuleWord)
	}
	for _, c := range []byte(word) {
		if c < ' ' || c == 0x7f {
			return fmt.Errorf("argument %q: a control character", word)
		}
	}
	if value {
		return nil
	}
	name, _, _ := strings.Cut(word, "=")
	switch {
	case strings.HasPrefix(word, "--"):
		for _, command := range commandOptions() {
			if len(name) > 2 && strings.HasPrefix(command, name) {
				return fmt.Errorf("argument %q: not part of a rule", word)
			}
		}
	case strings.HasPrefix(word, "-") && !shortOption.MatchString(word):
		return fmt.Errorf("argument %q: not part of a rule (one of -s -d -p -m -j -g -i -o -f is)", word)
	}
	return nil
}

// commandOptions are the long options that do something else than describe a
// rule. getopt takes any beginning of them that is no option of its own.
func commandOptions() []string {
	return []string{"--append", "--delete", "--check", "--insert", "--replace", "--list", "--list-rules", "--flush",
		"--zero", "--new-chain", "--delete-chain", "--rename-chain", "--policy", "--modprobe", "--table", "--version",
		"--help", "--wait", "--wait-interval", "--line-numbers", "--exact", "--verbose", "--numeric"}
}

// quoteRuleWord holds a word together for iptables-restore.
func quoteRuleWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}
