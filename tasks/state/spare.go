package state

import "strings"

// Spare is a link of the host that was made because others needed it (AutoMark), and
// is nobody's any more: wanted absent, it goes only if that is so.
type Spare struct {
	Name string `json:"name" state:"key"`
}

var (
	_ LateAbsent = Spare{}
	_ LateAbsent = SwitchPort{}
	_ Curious    = Spare{}
)

// Uppers lists the links that are on top of a link of the host, in whichever
// namespace. It is only ever observed.
type Uppers struct {
	Link string `json:"link" state:"key"`
	// Above has a line for each: the scope as far as it is known, a blank, the name.
	Above string `json:"above,omitempty"`
}

// Key implements Object.
func (u Uppers) Key() Key { return Key{Kind: KindUppers, Name: u.Link} }

// Needs implements Object.
func (u Uppers) Needs() []Key { return []Key{LinkKey(HostScope, u.Link)} }

// keys are the keys of the links above; ok is false if one of them is in a
// namespace without a name here.
func (u Uppers) keys() (keys []Key, ok bool) {
	for _, line := range strings.Split(u.Above, "\n") {
		scope, name, found := strings.Cut(line, " ")
		if found && scope == "?" {
			return nil, false
		}
		if found {
			keys = append(keys, LinkKey(Scope(scope), name))
		}
	}
	return keys, true
}

// Key implements Object. It is not the link's: who wants this has no opinion on a link in use.
func (s Spare) Key() Key { return Uppers{Link: s.Name}.Key() }

// Needs implements Object.
func (s Spare) Needs() []Key { return nil }

// Reads implements Late.
func (s Spare) Reads() []Key { return []Key{LinkKey(HostScope, s.Name), s.Key()} }

// ReadsNext implements Curious.
func (s Spare) ReadsNext(view View) []Key {
	keys := switchReadsNext(view, s.Name, "")
	if o, ok := view.Get(s.Key()); ok {
		above, _ := o.(Uppers).keys()
		keys = append(keys, above...)
	}
	return keys
}

// Resolve implements Late: nobody wants one to be there.
func (s Spare) Resolve(View) (Object, error) { return nil, nil }

// ResolveAbsent implements LateAbsent.
func (s Spare) ResolveAbsent(view View) (Object, error) {
	if o, ok := view.Get(Key{Kind: KindOVSBridge, Name: s.Name}); ok {
		if o.(OVSBridge).Owner != AutoMark || s.hasPorts(view) {
			return nil, nil
		}
		return o, nil
	}
	o, ok := view.Get(LinkKey(HostScope, s.Name))
	if !ok || o.(Link).Alias != AutoMark || s.hasPorts(view) || s.hasUppers(view) {
		return nil, nil
	}
	return o, nil
}

// hasPorts reports whether the link is a bridge with ports, is in one, or has addresses.
func (s Spare) hasPorts(view View) bool {
	for _, o := range view.All(KindMember, HostScope) {
		if m := o.(Member); m.Bridge == s.Name || m.Link == s.Name {
			return true
		}
	}
	for _, o := range view.All(KindOVSPort, HostScope) {
		if p := o.(OVSPort); p.Bridge == s.Name || p.Name == s.Name {
			return true
		}
	}
	for _, o := range view.All(KindAddress, HostScope) {
		if a := o.(Address); a.Link == s.Name && !a.Prefix.Addr().IsLinkLocalUnicast() {
			return true
		}
	}
	return false
}

// hasUppers reports whether a link is on top of it, or may be.
func (s Spare) hasUppers(view View) bool {
	o, ok := view.Get(s.Key())
	if !ok {
		return false
	}
	keys, known := o.(Uppers).keys()
	for _, k := range keys {
		if _, there := view.Get(k); there {
			return true
		}
	}
	return !known
}
