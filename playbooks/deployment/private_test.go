package deployment

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netrun/inventory/diag"
)

// shown is what a user sees of a descriptor's mistakes and warnings.
func shown(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	var sources diag.Sources
	sources.Add("f", []byte(text))
	d, warnings, err := Parse("f", []byte(text))
	if err == nil {
		_, err = d.Resolve(Options{Hosts: []string{"h"}})
	}
	for _, w := range warnings {
		_ = sources.Show(&b, w)
	}
	_ = sources.Show(&b, err)
	return b.String()
}

func TestVariablesAreNotShown(t *testing.T) {
	const secret = "99887766"
	for text, want := range map[string]string{
		"Containers:\n- Name: web\n  Environment:\n  - {Name: PIN, Value: 99887766}\n":                                  "f:4:24: Value is text, not a number\n  put quotes around it\n",
		"Containers:\n- Name: web\n  environment: {PIN: 99887766}\n":                                                    "f:3:16: Environment is a list, not a mapping\n",
		"Containers:\n- Name: web\n  Environment: 99887766\n":                                                           "f:3:16: Environment is a list, not a number\n",
		"Containers:\n- Name: web\n  Environment: [PIN=99887766]\n":                                                     "f:3:17: a variable is a mapping, not text\n",
		"Containers:\n- Name: web\n  Environment:\n  - Name: PIN=99887766\n":                                            "f:4:5: a name of a variable with blanks, control characters or \"=\"\n",
		"Containers:\n- Name: web\n  Environment:\n  - Name: 99887766\n":                                                "f:4:11: Name is text, not a number\n  put quotes around it\n",
		"Instances:\n- Id: web-1\n  Environment:\n  - {Name: PIN, Value: [99887766]}\n":                                 "f:4:24: Value is text, not a list\n",
		"Containers:\n- Name: web\n  Environment:\n  - {Name: PIN, \"PIN=99887766\": }\n":                               "f:4:17: unknown key \"PIN\" of a variable: it is ignored\n  known: Name, Value\n",
		"Containers: [{Name: web, Count: two, Environment: [{Name: PIN, Value: \"99887766\"}]}]":                        "f:1:33: Count is a whole number, not text\n",
		"Containers: [{Name: web, Links: [{To: db}], Environment: [{Name: PIN, Value: \"99887766\"}]}]":                 "f:1:34: deployment: target db not found for source web\n  known: web\n",
		"Containers:\n- Name: web\n  Environment:\n  - {Name: PIN, Value: \"99887766\", Value: 1}\n":                    "f:4:36: key \"Value\" a second time\n  the first is in line 4\n",
		"Containers:\n- Name: web\n  Environment:\n  - {Name: PIN, Value: \"9\"}\n  Count: two # not in a line of it\n": "f:5:10: Count is a whole number, not text\n    5 |   Count: two # not in a line of it\n      |          ^~~\n",
	} {
		got := shown(t, text)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if strings.Contains(got, secret) {
			t.Errorf("%s: the value is shown", text)
		}
	}
	for value, want := range map[string]string{
		"!99887766":          "f:1:33: unknown tag\n  put quotes around text that begins with \"!\"\n",
		"*99887766":          "f:1:33: an alias has no anchor\n  put quotes around text that begins with \"*\"\n",
		"!!bool 99887766":    "f:1:33: a value that is no bool\n",
		"!a 1, B: !99887766": "f:1:33: unknown tag\n  put quotes around text that begins with \"!\"\nf:1:42: unknown tag\n  put quotes around text that begins with \"!\"\n",
	} {
		if diff := cmp.Diff(want, shown(t, "Containers: [{Environment: [{A: "+value+" }]}]")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", value, diff)
		}
	}
	if got := shown(t, "Containers: [{Environment: [{Name: PIN, Value: 99887766"); strings.Contains(got, secret) || !strings.HasPrefix(got, "f:1") {
		t.Errorf("no YAML: got %s", got)
	}
}
