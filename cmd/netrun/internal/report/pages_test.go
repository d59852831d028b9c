package report

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"netrun/remote-helper/wire"
	"netrun/tasks/state"
)

// TestGuideNamesEveryField holds the user's guide to what --json prints.
func TestGuideNamesEveryField(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/guide/output.md")
	if err != nil {
		t.Fatal(err)
	}
	_, schema, ok := strings.Cut(string(page), "\n## JSON lines\n")
	if !ok {
		t.Fatal("the page has no section JSON lines")
	}
	for _, v := range []any{Event{}, Task{}, Change{}, Failure{}, Stats{}, wire.PastPlay{}, wire.Standing{}, wire.Standpoint{}, wire.RunningContainer{}, state.FieldDiff{}} {
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if name != "" && !strings.Contains(schema, "`"+name+"`") {
				t.Errorf("field %q of %s: got no mention; want one", name, typ.Name())
			}
		}
	}
}
