package state

import "fmt"

// Bringer is an object whose creation makes the kernel create others with it.
type Bringer interface {
	Brings() []Object
}

// Taker is an object whose creation takes others away, and whose removal gives them back.
type Taker interface {
	Object
	// Takes lists what must be there for the creation, and is gone after it.
	Takes() []Key
	// Gives lists what the removal of the object, as observed, brings back.
	Gives() []Object
}

// Late is an object with fields that name facts of the host. Resolve replaces
// them by values, from a view in which the objects that Reads lists are present
// if they are present on the host. A Key in Reads with an empty Name stands for
// all objects of its kind and scope.
type Late interface {
	Object
	Reads() []Key
	// Resolve gives nil where, as things are, nothing is wanted.
	Resolve(View) (Object, error)
}

// Curious is a Late object that may have to know more once the objects of Reads are known.
type Curious interface {
	Late
	ReadsNext(View) []Key
}

// Partial is a Late object of which parts may have to wait while the rest is made.
type Partial interface {
	Late
	// Held says which parts wait as things are, and why, in the view that Resolve gets.
	Held(View) []string
}

// LateAbsent is an object of which the host says what is to go when it is wanted absent.
type LateAbsent interface {
	Object
	// ResolveAbsent gives nil where nothing is to go.
	ResolveAbsent(View) (Object, error)
}

// View is a state that can be looked at: observed, or simulated by a plan.
type View interface {
	Get(Key) (Object, bool)
	All(Kind, Scope) []Object
}

// Want is what a task asks for: that the object be there, with the fields that
// are set, or that it be absent.
type Want struct {
	Object Object
	Absent bool
}

// Yielder is an object of which an absent want means some values only.
type Yielder interface {
	Object
	// Yields reports whether the object that is there is one that is to go.
	Yields(have Object) bool
}

// Present wants the objects to be there.
func Present(objects ...Object) []Want {
	wants := make([]Want, len(objects))
	for i, o := range objects {
		wants[i] = Want{Object: o}
	}
	return wants
}

// Absent wants the objects to be gone, in that order.
func Absent(objects ...Object) []Want {
	wants := Present(objects...)
	for i := range wants {
		wants[i].Absent = true
	}
	return wants
}

// MissingError says that an object needs another that is neither on the host nor planned.
type MissingError struct {
	Key   Key
	Needs Key
}

// Error implements error.
func (e *MissingError) Error() string {
	if e.Key == e.Needs {
		return fmt.Sprintf("no %s", e.Key)
	}
	return fmt.Sprintf("%s needs %s, which is not there", e.Key, e.Needs)
}
