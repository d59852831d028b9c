package state

import "slices"

// Sweep is a want of which only the host can say which objects it is about: they are
// to be absent. It is never on a host itself.
type Sweep interface {
	Object
	// Reads are the keys that must have been observed.
	Reads() []Key
	// Swept are the keys of what is to go.
	Swept(View) []Key
}

// MeshID is the key in a port's external_ids that names the mesh whose tunnel it is.
const MeshID = "netrun-mesh"

// MeshAlias is the alias of a link that is a tunnel of the mesh.
func MeshAlias(mesh string) string { return "netrun mesh " + mesh }

// Strays are the tunnels of a mesh that lead to hosts which are no longer part of it.
type Strays struct {
	Mesh string   `json:"mesh" state:"key"`
	Keep []string `json:"keep,omitempty"` // names of the tunnels that stay, sorted
}

// Key implements Object.
func (s Strays) Key() Key { return Key{Kind: KindStrays, Name: s.Mesh} }

// Needs implements Object.
func (s Strays) Needs() []Key { return nil }

// Reads implements Sweep.
func (s Strays) Reads() []Key {
	return []Key{{Kind: KindOVSBridge}, {Kind: KindOVSPort}, {Kind: KindLink}, {Kind: KindMember}}
}

// Swept implements Sweep: tunnels that carry the mesh's name, and are not to be kept.
func (s Strays) Swept(view View) []Key {
	var out []Key
	for _, o := range view.All(KindOVSPort, HostScope) {
		if p := o.(OVSPort); p.IDs[MeshID] == s.Mesh && !slices.Contains(s.Keep, p.Name) {
			out = append(out, p.Key())
		}
	}
	for _, o := range view.All(KindLink, HostScope) {
		if l := o.(Link); l.Alias == MeshAlias(s.Mesh) && !slices.Contains(s.Keep, l.Name) {
			out = append(out, l.Key())
		}
	}
	return out
}
