package tasks

import (
	"errors"
	"path"
	"slices"
	"strings"

	"netrun/tasks/jsontext"
	"netrun/tasks/state"
)

// JSONKeys are members of the object in a JSON file of the host, besides which
// others may have theirs.
type JSONKeys struct {
	Path  FilePath       `arg:"path,required" doc:"file on the host: /etc/docker/daemon.json"`
	Keys  map[string]any `arg:"keys,required" doc:"members and their values, of any sort; those not named stay as they are"`
	State string         `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the members that have these values; null stands for any"`
}

func init() {
	Register(Kind{Name: "json_keys", Short: "members of a JSON file, such as Docker's daemon.json", New: func() Task { return new(JSONKeys) }})
}

// Check implements Task.
func (j *JSONKeys) Check() error {
	errs := []error{checkJSONPath("path", j.Path)}
	for _, name := range sortedKeys(j.Keys) {
		if strings.Contains(name, "#") {
			errs = append(errs, Wrong("keys", "%q holds a #", name))
		}
		if _, err := jsontext.Text(j.Keys[name]); err != nil {
			errs = append(errs, Wrong("keys", "%s: %v", name, err))
		}
	}
	if len(j.Keys) == 0 {
		errs = append(errs, Wrong("keys", "which keys?"))
	}
	return errors.Join(errs...)
}

func checkJSONPath(arg string, p FilePath) error {
	if strings.HasSuffix(string(p), "/") || strings.Contains(string(p), "#") {
		return Wrong(arg, "%s is not the path of a file", describe(string(p)))
	}
	return nil
}

// Want implements Wanter.
func (j *JSONKeys) Want() []state.Want {
	return jsonWants(string(j.Path), j.Keys, j.State == absent)
}

// jsonWants are the wants for the members, in the order of their names.
func jsonWants(file string, keys map[string]any, gone bool) []state.Want {
	var members []state.Object
	for _, name := range sortedKeys(keys) {
		value, err := jsontext.Text(keys[name])
		if err != nil {
			return nil // Check refuses it
		}
		if gone && keys[name] == nil {
			value = ""
		}
		members = append(members, state.JSONKey{Path: file, Name: name, Value: value})
	}
	if gone {
		slices.Reverse(members)
		return state.Absent(members...)
	}
	return state.Present(append([]state.Object{state.Folder{Path: path.Dir(file)}}, members...)...)
}
