package templates

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// appendText adds a value as text to out: texts as they are, null as nothing,
// lists and maps as JSON. It stops with an error beyond most bytes.
func appendText(out []byte, v any, most int) ([]byte, error) {
	switch x := v.(type) {
	case nil:
		return out, nil
	case string:
		out = append(out, x...)
	case bool:
		out = strconv.AppendBool(out, x)
	case int:
		out = strconv.AppendInt(out, int64(x), 10)
	case float64:
		out = appendNumber(out, x)
	default:
		return appendJSON(out, v, most)
	}
	if len(out) > most {
		return nil, errOutput
	}
	return out, nil
}

func appendNumber(out []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.AppendInt(out, int64(f), 10)
	}
	return strconv.AppendFloat(out, f, 'g', -1, 64)
}

// textOf is a value as text.
func textOf(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	out, err := appendText(nil, v, MaxOutput)
	return string(out), err
}

// appendJSON adds a value as JSON. Values may share parts, so what is small in
// memory can be huge as text: the bound is looked at all the way.
func appendJSON(out []byte, v any, most int) (_ []byte, err error) {
	switch x := v.(type) {
	case []any:
		out = append(out, '[')
		for i, e := range x {
			if i > 0 {
				out = append(out, ", "...)
			}
			if out, err = appendJSON(out, e, most); err != nil {
				return nil, err
			}
		}
		out = append(out, ']')
	case map[string]any, Getter:
		if out, err = appendJSONMap(out, x, most); err != nil {
			return nil, err
		}
	case Unknown:
		return nil, &UnknownError{x.Name}
	case nil:
		out = append(out, "null"...)
	case string:
		out = appendQuoted(out, x)
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("%v has no JSON", x)
		}
		out = appendNumber(out, x)
	default:
		if out, err = appendText(out, v, most); err != nil {
			return nil, err
		}
	}
	if len(out) > most {
		return nil, errOutput
	}
	return out, nil
}

func appendJSONMap(out []byte, m any, most int) ([]byte, error) {
	out = append(out, '{')
	first := true
	err := each(m, func(key string, elem any) (err error) {
		if !first {
			out = append(out, ", "...)
		}
		first = false
		out = append(appendQuoted(out, key), ": "...)
		out, err = appendJSON(out, elem, most)
		return err
	})
	return append(out, '}'), err
}

func appendQuoted(out []byte, s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text always has JSON
	return append(out, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// fromJSONText reads JSON into values as playbooks have them.
func fromJSONText(text string) (any, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, fmt.Errorf("more than one value")
	}
	return plainNumbers(tree)
}

func plainNumbers(tree any) (any, error) {
	switch x := tree.(type) {
	case json.Number:
		return number(x)
	case []any:
		for i, e := range x {
			v, err := plainNumbers(e)
			if err != nil {
				return nil, err
			}
			x[i] = v
		}
	case map[string]any:
		for k, e := range x {
			v, err := plainNumbers(e)
			if err != nil {
				return nil, err
			}
			x[k] = v
		}
	}
	return tree, nil
}
