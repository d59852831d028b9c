package state

import "net/netip"

// rule reports whether a routing rule may be asked about the connection's packets,
// in either direction: one for what comes in decides the check of the way back.
func (p *sshPath) rule(r Rule) bool {
	if !p.family(r.Family) || (r.IIF != "" && r.IIF != "lo" && !p.on(r.IIF)) || (r.OIF != "" && !p.on(r.OIF)) {
		return false
	}
	return covers(r.From, p.server) && covers(r.To, p.client) || covers(r.From, p.client) && covers(r.To, p.server)
}

// family reports whether the connection is of that family, 4 or 6.
func (p *sshPath) family(family int) bool {
	return family != 4 && family != 6 || (family == 4) == p.client.Is4()
}

// covers reports whether the text of a prefix, or "" for all, holds the address.
func covers(prefix string, ip netip.Addr) bool {
	parsed, err := netip.ParsePrefix(prefix)
	return err != nil || parsed.Contains(ip)
}

// passes are the built-in chains, by table, that a connection to this host goes
// through. A nat table sees only its first packet, which comes in.
var passes = map[string]map[string]bool{
	"filter":   {"INPUT": true, "OUTPUT": true, "FORWARD": false},
	"nat":      {"PREROUTING": true, "INPUT": true, "OUTPUT": false, "POSTROUTING": false},
	"mangle":   {"PREROUTING": true, "INPUT": true, "FORWARD": false, "OUTPUT": true, "POSTROUTING": true},
	"raw":      {"PREROUTING": true, "OUTPUT": true},
	"security": {"INPUT": true, "OUTPUT": true, "FORWARD": false},
}

// jump reports whether the connection's packets may come by the jump. Where a chain
// of somebody else's is called from is not known.
func (p *sshPath) jump(j Jump) bool {
	through, builtin := passes[j.Table][j.From]
	return p.family(j.Family) && (through || !builtin)
}

// chain reports whether they may come by the chain. A new one is on no path before
// a jump leads to it.
func (p *sshPath) chain(c Change, chain Chain) bool {
	if c.Op == Create || !p.family(chain.Family) {
		return false
	}
	called := false
	for _, j := range p.jumps {
		if j.Needs()[0] == chain.Key() {
			called = true
			if p.jump(j) {
				return true
			}
		}
	}
	return !called // by a rule of another chain, perhaps
}
