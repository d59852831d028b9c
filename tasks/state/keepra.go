package state

// Several is a want that becomes as many objects as things on the host call for.
type Several interface {
	Object
	// Reads are keys of what Each looks at, as those of a Late.
	Reads() []Key
	// Each gives the objects that are wanted as things are.
	Each(View) []Object
}

// KeepRA wants that the NICs of a scope that comes to forward IPv6 go on learning default
// routes from router advertisements: forwarding ends that where accept_ra is 1, and takes
// the routes away that were learned (addrconf_fixup_forwarding in the kernel). Links to
// containers are left out: these have no say in where the host's default route goes.
type KeepRA struct {
	Scope Scope `json:"scope,omitempty" state:"key"`
}

// AcceptRA is the parameter that lets a link learn from router advertisements though
// its scope forwards.
func AcceptRA(scope Scope, link string) Sysctl {
	return Sysctl{Scope: scope, Name: "net/ipv6/conf/" + link + "/accept_ra", Value: "2"}
}

// Key implements Object: observed, it brings the parameters of all links along.
func (k KeepRA) Key() Key { return AcceptRA(k.Scope, "all").Key() }

// Needs implements Object.
func (k KeepRA) Needs() []Key { return k.Scope.Needs() }

// Reads implements Several.
func (k KeepRA) Reads() []Key { return []Key{k.Key(), LinkKey(k.Scope, "")} }

// Each implements Several.
func (k KeepRA) Each(view View) []Object {
	var out []Object
	for _, o := range view.All(KindLink, k.Scope) {
		l := o.(Link)
		want := AcceptRA(k.Scope, l.Name)
		have, there := view.Get(want.Key())
		if there && have.(Sysctl).Value != "0" && nic(l) && l.State == "up" {
			out = append(out, want)
		}
	}
	return out
}

// nic reports whether packets of a network outside come in by the link.
func nic(l Link) bool {
	switch l.Type {
	case "device", "vlan", "bond", "team":
		return true
	}
	return false
}
