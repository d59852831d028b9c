package jsontext

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSet(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", `{"bridge": "lbr0"}`},
		{"empty", "{}\n", "{\"bridge\": \"lbr0\"}\n"},
		{"a new file", New, "{\n  \"bridge\": \"lbr0\"\n}\n"},
		{"one line", `{ "mtu": 1400 }`, `{ "mtu": 1400, "bridge": "lbr0" }`},
		{"tabs", "{\n\t\"mtu\": 1400\n}\n", "{\n\t\"mtu\": 1400,\n\t\"bridge\": \"lbr0\"\n}\n"},
		{"there", `{"bridge" :"docker0" , "x": {"bridge": 1}}`, `{"bridge" :"lbr0" , "x": {"bridge": 1}}`},
		{"only deeper", `{"x": {"bridge": 1}}`, `{"x": {"bridge": 1},"bridge": "lbr0"}`},
		{"big numbers and escapes", `{"a\"}": 12345678901234567890123, "b": [{}, "]"]}`, `{"a\"}": 12345678901234567890123, "b": [{}, "]"],"bridge": "lbr0"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Set([]byte(test.text), Member{Name: "bridge", Value: `"lbr0"`})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for text, want := range map[string]string{
		`[1]`:                   "it is not a JSON object",
		"{\n\"a\": 1,\n}":       "line 3 is not JSON: invalid character '}' looking for beginning of object key string",
		`{"a": 1, "a": 2}`:      `"a" is there twice`,
		`{"a": 1, "\u0061": 2}`: `"a" is there twice`,
	} {
		if _, err := Set([]byte(text), Member{Name: "x", Value: "1"}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v; want %s", text, err, want)
		}
	}
}

// TestThereAndBack removes each set of members, in each order of their names, and sets
// them again: the text must be as it was, to the byte.
func TestThereAndBack(t *testing.T) {
	for _, text := range []string{
		`{"z": 1}`, "{ \"z\" : [1, 2],\n  \"y\": {\"z\": null}, \"x\":3 }\n",
		"{\n  \"c\": \"d\",\n\n  \"b\": true,\n  \"a\": -1e9\n}",
	} {
		members, err := Members([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for set := 1; set < 1<<len(members); set++ {
			var gone []Member
			now := []byte(text)
			for i, m := range members {
				if set>>i&1 == 1 {
					gone = append(gone, m)
					if now, err = Remove(now, m.Name); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range 2 {
				slices.Reverse(gone)
				back := now
				for _, m := range gone {
					if back, err = Set(back, m); err != nil {
						t.Fatal(err)
					}
				}
				if diff := cmp.Diff(text, string(back)); diff != "" {
					t.Errorf("%d members away and back (-want +got):\n%s", len(gone), diff)
				}
			}
		}
	}
}

func FuzzSetAndRemove(f *testing.F) {
	f.Add(`{"a": 1, "b": [true, {"c": "}"}]}`, "bridge", `"x"`)
	f.Add("{\n}\n", "a\"b", `{"k": [1]}`)
	f.Add(`{"\u0000":0}`, "", "null")
	f.Fuzz(func(t *testing.T, text, name, value string) {
		before, err := Members([]byte(text))
		if err != nil || slices.ContainsFunc(before, func(m Member) bool { return m.Name == name }) {
			return
		}
		set, err := Set([]byte(text), Member{Name: name, Value: value})
		if err != nil {
			return
		}
		if !json.Valid(set) {
			t.Fatalf("%q with %q: not JSON: %q", text, name, set)
		}
		back, err := Remove(set, decoded(name))
		if err != nil {
			t.Fatal(err)
		}
		if len(before) > 0 && string(back) != text {
			t.Errorf("%q: set and removed: %q", text, back)
		}
	})
}

// decoded is the name as JSON can hold it: valid UTF-8.
func decoded(name string) string {
	var out string
	_ = json.Unmarshal(quoted(name), &out)
	return out
}
