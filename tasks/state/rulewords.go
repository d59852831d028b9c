package state

// CanonicalRule is a rule's arguments in the words of iptables-save.
func CanonicalRule(family int, args []string) []string { return args }
