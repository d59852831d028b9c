package state

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
	"sync"
)

// FieldDiff is one field that has to change, its values as text ("" is unset).
type FieldDiff struct {
	Field string `json:"field"` // as in the object's JSON
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	Fixed bool   `json:"fixed,omitempty"` // cannot be changed in place
}

// field is what the tags of one struct field say.
type field struct {
	index int
	name  string
	role  string // "", key, fixed, hint, mark
}

var fieldCache sync.Map // reflect.Type -> []field

func fieldsOf(t reflect.Type) []field {
	if cached, ok := fieldCache.Load(t); ok {
		return cached.([]field)
	}
	fields := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			name = strings.ToLower(f.Name)
		}
		fields = append(fields, field{index: i, name: name, role: f.Tag.Get("state")})
	}
	fieldCache.Store(t, fields)
	return fields
}

// Diff lists the fields of want that are set and that have does not have. Both
// must be of the same kind of object.
func Diff(want, have Object) []FieldDiff { return diff(want, have, false) }

// DiffExact lists every field in which the two differ, unset ones too; marks of
// ownership are compared as well. It is how undo finds its way back.
func DiffExact(want, have Object) []FieldDiff { return diff(want, have, true) }

func diff(want, have Object, exact bool) []FieldDiff {
	w, h := reflect.ValueOf(want), reflect.ValueOf(have)
	if w.Type() != h.Type() { // a want that means one of several kinds, and one of them
		return []FieldDiff{{Field: "type", From: h.Type().Name(), To: w.Type().Name(), Fixed: true}}
	}
	var diffs []FieldDiff
	for _, f := range fieldsOf(w.Type()) {
		if f.role == "key" || f.role == "hint" || (f.role == "mark" && !exact) {
			continue
		}
		wf, hf := w.Field(f.index), h.Field(f.index)
		if (wf.IsZero() && !exact) || equalField(wf, hf) {
			continue
		}
		diffs = append(diffs, FieldDiff{Field: f.name, From: text(hf), To: text(wf), Fixed: f.role == "fixed"})
	}
	return diffs
}

// equalField compares one field; a wanted map asks for its own keys only.
func equalField(want, have reflect.Value) bool {
	if want.Kind() == reflect.Map {
		for _, k := range want.MapKeys() {
			v := have.MapIndex(k)
			if !v.IsValid() || !v.Equal(want.MapIndex(k)) {
				return false
			}
		}
		return want.Len() > 0 || have.Len() == 0
	}
	return reflect.DeepEqual(want.Interface(), have.Interface())
}

// Merge is have with every field that want sets: what will be there once want is applied.
func Merge(have, want Object) Object {
	out := reflect.New(reflect.TypeOf(have)).Elem()
	out.Set(reflect.ValueOf(have))
	w := reflect.ValueOf(want)
	for _, f := range fieldsOf(w.Type()) {
		wf := w.Field(f.index)
		if wf.IsZero() || f.role == "mark" {
			continue
		}
		if wf.Kind() == reflect.Map {
			wf = mergeMaps(out.Field(f.index), wf)
		}
		out.Field(f.index).Set(wf)
	}
	return out.Interface().(Object)
}

func mergeMaps(have, want reflect.Value) reflect.Value {
	merged := reflect.MakeMap(want.Type())
	for _, m := range []reflect.Value{have, want} {
		for _, k := range m.MapKeys() {
			merged.SetMapIndex(k, m.MapIndex(k))
		}
	}
	return merged
}

// Mark is the object with its mark of ownership set, if it has one that is unset.
// Routes and rules carry Protocol, the rest the owner's name.
func Mark(o Object, owner string) Object {
	out := reflect.New(reflect.TypeOf(o)).Elem()
	out.Set(reflect.ValueOf(o))
	for _, f := range fieldsOf(out.Type()) {
		fv := out.Field(f.index)
		if f.role != "mark" || !fv.IsZero() {
			continue
		}
		switch fv.Kind() {
		case reflect.String:
			fv.SetString(owner)
		case reflect.Int:
			fv.SetInt(Protocol)
		}
	}
	return out.Interface().(Object)
}

// Describe lists the set fields of o that are not part of its key, as name and text, in the struct's order.
func Describe(o Object) []FieldDiff {
	v := reflect.ValueOf(o)
	var out []FieldDiff
	for _, f := range fieldsOf(v.Type()) {
		fv := v.Field(f.index)
		if f.role == "key" || f.role == "mark" || fv.IsZero() || f.name == "content" {
			continue
		}
		out = append(out, FieldDiff{Field: f.name, To: text(fv)})
	}
	return out
}

// text is a field's value as people read it; "" when unset.
func text(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	switch v.Kind() {
	case reflect.Pointer:
		return fmt.Sprint(v.Elem().Interface())
	case reflect.Map:
		var parts []string
		for _, k := range v.MapKeys() {
			parts = append(parts, fmt.Sprintf("%v=%v", k, v.MapIndex(k)))
		}
		sort.Strings(parts)
		return strings.Join(parts, ",")
	case reflect.Slice:
		return sliceText(v)
	}
	return fmt.Sprint(v.Interface())
}

func sliceText(v reflect.Value) string {
	parts, between := make([]string, v.Len()), "; "
	if v.Type().Elem().Kind() == reflect.Int {
		between = ","
	}
	for i := range parts {
		if words, ok := v.Index(i).Interface().([]string); ok {
			parts[i] = strings.Join(words, " ")
		} else {
			parts[i] = fmt.Sprint(v.Index(i).Interface())
		}
	}
	return strings.Join(parts, between)
}

// MarkOf is the object's mark of ownership as text. A route or rule of netrun's
// gives "netrun"; has is false for kinds that carry no mark of their own.
func MarkOf(o Object) (mark string, has bool) {
	v := reflect.ValueOf(o)
	for _, f := range fieldsOf(v.Type()) {
		if f.role != "mark" {
			continue
		}
		fv := v.Field(f.index)
		if fv.Kind() == reflect.Int {
			if fv.Int() == Protocol {
				return "netrun", true
			}
			return "", true
		}
		return fv.String(), true
	}
	return "", false
}

// With is now with the named fields taken from target, unset ones too; hints (a
// file's content) always come from target.
func With(now, target Object, fields []FieldDiff) Object {
	out := reflect.New(reflect.TypeOf(now)).Elem()
	out.Set(reflect.ValueOf(now))
	t := reflect.ValueOf(target)
	names := make(map[string]bool, len(fields))
	for _, f := range fields {
		names[f.Field] = true
	}
	for _, f := range fieldsOf(t.Type()) {
		if names[f.name] || f.role == "hint" {
			out.Field(f.index).Set(t.Field(f.index))
		}
	}
	return out.Interface().(Object)
}
