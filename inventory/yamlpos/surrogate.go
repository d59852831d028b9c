package yamlpos

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf16"
)

var pair = regexp.MustCompile(`\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})`)

// joinSurrogates rewrites JSON's \ud83d\ude00 as YAML's \U0001f600. Python's
// json.dumps, which most executable inventories print with, writes runes beyond
// 16 bits so, and YAML has no surrogates. Only a text that begins as JSON does
// is looked at.
func joinSurrogates(text []byte) []byte {
	if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		return text
	}
	return pair.ReplaceAllFunc(text, func(m []byte) []byte {
		hi, _ := strconv.ParseUint(string(m[2:6]), 16, 16)
		lo, _ := strconv.ParseUint(string(m[8:12]), 16, 16)
		return fmt.Appendf(nil, `\U%08x`, utf16.DecodeRune(rune(hi), rune(lo)))
	})
}
