package yamlpos

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// words are the plain scalars that are not text.
var words = map[string]any{
	"": nil, "~": nil, "null": nil, "Null": nil, "NULL": nil,
	"true": true, "True": true, "TRUE": true, "false": false, "False": false, "FALSE": false,
	"yes": true, "Yes": true, "YES": true, "no": false, "No": false, "NO": false,
	"on": true, "On": true, "ON": true, "off": false, "Off": false, "OFF": false,
	".nan": math.NaN(), ".NaN": math.NaN(), ".NAN": math.NaN(),
	".inf": math.Inf(1), ".Inf": math.Inf(1), ".INF": math.Inf(1),
	"+.inf": math.Inf(1), "+.Inf": math.Inf(1), "+.INF": math.Inf(1),
	"-.inf": math.Inf(-1), "-.Inf": math.Inf(-1), "-.INF": math.Inf(-1),
}

// The spellings of integers are YAML 1.1's, as Ansible reads them, but for those
// to base 60: a MAC address such as 52:54:00:12:34:56 is no number.
var (
	decimal = regexp.MustCompile(`^[-+]?(?:0|[1-9][0-9_]*)$`)
	octal   = regexp.MustCompile(`^[-+]?0o?[0-7_]+$`)
	hex     = regexp.MustCompile(`^[-+]?0x[0-9a-fA-F_]+$`)
	binary  = regexp.MustCompile(`^[-+]?0b[01_]+$`)
	float   = regexp.MustCompile(`^[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$`)
	zeros   = regexp.MustCompile(`^[-+]?0[0-9_]+$`)
)

// Plain returns the value of a scalar that stands without quotes.
func Plain(s string) any {
	if v, ok := words[s]; ok {
		return v
	}
	if s == "" || len(s) > 400 || !strings.ContainsRune("+-.0123456789", rune(s[0])) {
		return s
	}
	if v, ok := integer(s); ok {
		return v
	}
	if v, ok := number(s); ok {
		return v
	}
	return s
}

func integer(s string) (int, bool) {
	bare := strings.ReplaceAll(s, "_", "")
	base := 0
	switch {
	case decimal.MatchString(s):
		base = 10
	case octal.MatchString(s):
		base, bare = 8, strings.Replace(bare, "o", "", 1)
	case hex.MatchString(s):
		base, bare = 16, strings.Replace(bare, "0x", "", 1)
	case binary.MatchString(s):
		base, bare = 2, strings.Replace(bare, "0b", "", 1)
	default:
		return 0, false
	}
	v, err := strconv.ParseInt(bare, base, 64)
	return int(v), err == nil
}

// number reads a float. Digits alone are none: they are an integer too large, or
// begin with 0 and are no octal number, as 089, and stay text.
func number(s string) (float64, bool) {
	if !float.MatchString(s) || zeros.MatchString(s) || decimal.MatchString(s) {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return v, err == nil
}
