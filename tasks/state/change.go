package state

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
)

// Op is what a change does.
type Op string

// The three things that can happen to an object.
const (
	Create Op = "create"
	Update Op = "update"
	Delete Op = "delete"
)

// Change is one step from a state to another.
type Change struct {
	Op     Op
	Before Object      // nil for Create; all that was observed otherwise
	After  Object      // nil for Delete; all that will be there otherwise
	Fields []FieldDiff // for Update: what After has that Before has not; also to be unset where To is ""
	Task   int         // id of the task that asked for it
	// Implied changes happen by themselves with an earlier change of the list (a deleted
	// link takes its addresses along). A host does not carry them out; undo needs them.
	Implied bool
	// Text is what TextDiff gives, where it has been asked for. It is shown, and never kept.
	Text []string
}

// Object is what the change is about: After, or Before where there is none.
func (c Change) Object() Object {
	if c.After != nil {
		return c.After
	}
	return c.Before
}

// Key is the key of the change's object.
func (c Change) Key() Key { return c.Object().Key() }

// String is the change in one line: `create link br0 type=bridge state=up`,
// `update link eth0 mtu: 1500 -> 1400`.
func (c Change) String() string {
	line := string(c.Op) + " " + c.Key().String()
	switch c.Op {
	case Create:
		for _, f := range Describe(c.After) {
			line += fmt.Sprintf(" %s=%s", f.Field, f.To)
		}
	case Update:
		for i, f := range c.Fields {
			if i > 0 {
				line += ","
			}
			line += fmt.Sprintf(" %s: %s -> %s", f.Field, orNone(f.From), orNone(f.To))
		}
	}
	return line
}

func orNone(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}

// Host is a machine as the reconciler sees it. The kernel's and the one in memory
// pass the same laws.
type Host interface {
	// Observe reads at least the objects with the given keys. A key with an empty
	// Name asks for all objects of its kind and scope. Each kind and scope is read
	// once per call, in one dump. A scope that does not exist has no objects; that
	// is not an error. The order of All is the kernel's.
	Observe(ctx context.Context, keys []Key) (*State, error)
	// Apply carries out the changes that are not Implied, so that no object is
	// written before those it Needs; it may batch independent ones. An error is an
	// *ApplyError where it belongs to one change. What had been done until then
	// stays done: the caller undoes it.
	Apply(ctx context.Context, changes []Change) error
}

// ApplyError says which of the changes given to Apply went wrong.
type ApplyError struct {
	Index int // into the changes
	Err   error
}

// Error implements error.
func (e *ApplyError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *ApplyError) Unwrap() error { return e.Err }

// prototypes are the kinds that can be read back from JSON.
var prototypes = map[Kind]reflect.Type{
	KindNetns: reflect.TypeFor[Netns](), KindProcess: reflect.TypeFor[Process](),
	KindContainer: reflect.TypeFor[Container](), KindName: reflect.TypeFor[Name](),
	KindLink: reflect.TypeFor[Link](), KindMember: reflect.TypeFor[Member](),
	KindAddress: reflect.TypeFor[Address](), KindNeighbour: reflect.TypeFor[Neighbour](),
	KindRoute: reflect.TypeFor[Route](), KindRule: reflect.TypeFor[Rule](),
	KindLease: reflect.TypeFor[Lease](), KindSysctl: reflect.TypeFor[Sysctl](), KindOffload: reflect.TypeFor[Offload](),
	KindPortVLAN: reflect.TypeFor[PortVLAN](), KindUppers: reflect.TypeFor[Uppers](), KindQdisc: reflect.TypeFor[Qdisc](),
	KindTable: reflect.TypeFor[Table](),
	KindChain: reflect.TypeFor[Chain](), KindJump: reflect.TypeFor[Jump](),
	KindOVSBridge: reflect.TypeFor[OVSBridge](), KindOVSPort: reflect.TypeFor[OVSPort](),
	KindFile: reflect.TypeFor[File](), KindJSON: reflect.TypeFor[JSONKey](),
	KindPort: reflect.TypeFor[Port](), KindHostsLine: reflect.TypeFor[HostsLine](), KindStrays: reflect.TypeFor[Strays](),
}

// Kinds lists the kinds of objects in the order in which they come to be.
func Kinds() []Kind {
	out := make([]Kind, len(kindOrder))
	for k, rank := range kindOrder {
		out[rank] = k
	}
	return out
}

// lateTypes are the types of wants that are no objects themselves, by the name in their JSON.
var lateTypes = map[string]reflect.Type{"KeepRA": reflect.TypeFor[KeepRA](), "Hairpin": reflect.TypeFor[Hairpin](), "Switch": reflect.TypeFor[Switch](),
	"Folder": reflect.TypeFor[Folder](), "Links": reflect.TypeFor[Links](),
	"SwitchPort": reflect.TypeFor[SwitchPort](), "SwitchVLAN": reflect.TypeFor[SwitchVLAN](), "SwitchOffload": reflect.TypeFor[SwitchOffload]()}

// Storable reports whether Decode reads back what Encode makes of the object.
func Storable(o Object) bool {
	t := reflect.TypeOf(o)
	return prototypes[o.Key().Kind] == t || lateTypes[t.Name()] == t
}

// Plain reports whether the object is of the type that its kind is read back as, and
// not a want that becomes such an object.
func Plain(o Object) bool { return prototypes[o.Key().Kind] == reflect.TypeOf(o) }

// encoded is an object on the wire and in the journal.
type encoded struct {
	Kind   Kind            `json:"kind"`
	Type   string          `json:"type,omitempty"` // of a want that is no object itself
	Object json.RawMessage `json:"object"`
}

// Encode is the object as JSON, {"kind": ..., "object": {...}}; null for nil.
func Encode(o Object) (json.RawMessage, error) {
	if o == nil {
		return json.RawMessage("null"), nil
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", o.Key(), err)
	}
	e := encoded{Kind: o.Key().Kind, Object: raw}
	if name := reflect.TypeOf(o).Name(); lateTypes[name] == reflect.TypeOf(o) {
		e.Type = name
	}
	return json.Marshal(e)
}

// Decode reads what Encode wrote.
func Decode(raw json.RawMessage) (Object, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var e encoded
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("decode object: %w", err)
	}
	t, ok := prototypes[e.Kind]
	if e.Type != "" {
		t, ok = lateTypes[e.Type]
	}
	if !ok {
		return nil, fmt.Errorf("decode object: unknown kind %q", e.Kind)
	}
	v := reflect.New(t)
	if err := json.Unmarshal(e.Object, v.Interface()); err != nil {
		return nil, fmt.Errorf("decode %s: %w", e.Kind, err)
	}
	return v.Elem().Interface().(Object), nil
}

type encodedChange struct {
	Op      Op              `json:"op"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	Fields  []FieldDiff     `json:"fields,omitempty"`
	Task    int             `json:"task,omitempty"`
	Implied bool            `json:"implied,omitempty"`
	Text    []string        `json:"text,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (c Change) MarshalJSON() ([]byte, error) {
	e := encodedChange{Op: c.Op, Fields: c.Fields, Task: c.Task, Implied: c.Implied, Text: c.Text}
	var err error
	if c.Before != nil {
		if e.Before, err = Encode(c.Before); err != nil {
			return nil, err
		}
	}
	if c.After != nil {
		if e.After, err = Encode(c.After); err != nil {
			return nil, err
		}
	}
	return json.Marshal(e)
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Change) UnmarshalJSON(raw []byte) error {
	var e encodedChange
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("decode change: %w", err)
	}
	before, err := Decode(e.Before)
	if err != nil {
		return err
	}
	after, err := Decode(e.After)
	if err != nil {
		return err
	}
	if before == nil && after == nil {
		return fmt.Errorf("decode change: %s of nothing", e.Op)
	}
	*c = Change{Op: e.Op, Before: before, After: after, Fields: e.Fields, Task: e.Task, Implied: e.Implied, Text: e.Text}
	return nil
}
