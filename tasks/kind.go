package tasks

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// Kind is a task kind: its name in a playbook and how its arguments are made.
type Kind struct {
	Name  string
	Short string // one line, for `netrun doc`
	Free  string // the argument that a bare string fills (`command: uptime`), "" if none
	Open  bool   // takes arguments of any name (set_fact); New must then give a type with a map field tagged `arg:",rest"`
	New   func() Task
}

var registry = map[string]*Kind{}

// Register adds a kind; called from init in the kind's file. It panics when the
// name is taken or a tag is malformed, since that is a mistake of the program.
func Register(k Kind) {
	if _, taken := registry[k.Name]; taken {
		panic("tasks: kind " + k.Name + " is registered twice")
	}
	if _, err := argumentsOf(reflect.TypeOf(k.New()).Elem()); err != nil {
		panic(fmt.Sprintf("tasks: kind %s: %v", k.Name, err))
	}
	registry[k.Name] = &k
}

// Lookup is the kind with that name.
func Lookup(name string) (*Kind, bool) {
	k, ok := registry[name]
	return k, ok
}

// Names lists the kinds, sorted.
func Names() []string {
	names := make([]string, 0, len(registry))
	for n := range registry {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Argument describes one argument of a kind, from its struct tags:
//
//	Name string `arg:"name,required" default:"eth1" choices:"a,b" doc:"what it is"`
//
// Further words after the name: required, secret.
type Argument struct {
	Name     string
	Type     string // string, integer, true/false, list of string, ...
	Required bool
	Secret   bool
	Default  string
	Choices  []string
	Doc      string
	Fields   []Argument // of a list of structs

	index int
	rest  bool
}

// Arguments lists the kind's arguments in the struct's order.
func (k *Kind) Arguments() []Argument {
	args, _ := argumentsOf(reflect.TypeOf(k.New()).Elem()) // checked by Register
	return args
}

func argumentsOf(t reflect.Type) ([]Argument, error) {
	var args []Argument
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("arg")
		if !ok || tag == "-" {
			if f.Anonymous && f.Type.Kind() == reflect.Struct {
				return nil, fmt.Errorf("field %s: embedded structs carry no arguments", f.Name)
			}
			continue
		}
		arg, err := argumentOf(f, tag)
		if err != nil {
			return nil, err
		}
		arg.index = i
		args = append(args, arg)
	}
	return args, nil
}

func argumentOf(f reflect.StructField, tag string) (Argument, error) {
	words := strings.Split(tag, ",")
	arg := Argument{Name: words[0], Default: f.Tag.Get("default"), Doc: f.Tag.Get("doc"), Type: typeName(f.Type)}
	if c := f.Tag.Get("choices"); c != "" {
		arg.Choices = strings.Split(c, ",")
	}
	for _, w := range words[1:] {
		switch w {
		case "required":
			arg.Required = true
		case "secret":
			arg.Secret = true
		case "rest":
			arg.rest = true
		default:
			return arg, fmt.Errorf("field %s: unknown word %q in the arg tag", f.Name, w)
		}
	}
	if elem := f.Type; elem.Kind() == reflect.Slice && isPlainStruct(elem.Elem()) {
		fields, err := argumentsOf(elem.Elem())
		if err != nil {
			return arg, err
		}
		arg.Fields = fields
	}
	return arg, nil
}

func typeName(t reflect.Type) string {
	if t == durationType {
		return "duration"
	}
	if reflect.PointerTo(t).Implements(textType) {
		return strings.ToLower(t.Name())
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true/false"
	case reflect.Int:
		return "integer"
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Slice:
		return "list of " + typeName(t.Elem())
	case reflect.Map, reflect.Struct:
		return "map"
	case reflect.Interface:
		return "any"
	}
	return t.Kind().String()
}
