package yamlpos

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"netrun/inventory/diag"
)

// The bounds of a text. Its nodes are counted before it is parsed, which takes
// about 400 bytes a node.
const (
	MaxSize     = 64 << 20  // bytes
	MaxNodes    = 3_000_000 // values and keys that stand in the text
	MaxExpanded = 1_000_000 // values and keys that aliases add
	MaxDepth    = 100       // mappings and lists in each other
)

// Parse reads the one document of text. The file is only a name for positions.
// An empty text is a null. The error joins *diag.Error values: all duplicate
// keys, bad tags and the like, or the first place where the text is no YAML.
func Parse(file string, text []byte) (*Node, error) {
	if err := bounded(file, text); err != nil {
		return nil, err
	}
	text = joinSurrogates(text)
	doc, err := decodeFrom(bytes.NewReader(text))
	if err != nil {
		return nil, syntaxError(file, text, err)
	}
	c := converter{
		file: file, most: atMostNodes(text) + MaxExpanded,
		done: map[*yaml.Node]*Node{}, open: map[*yaml.Node]bool{},
	}
	if doc == nil || len(doc.Content) == 0 {
		return &Node{Kind: Scalar, Pos: diag.Pos{File: file, Line: 1, Col: 1}}, nil
	}
	n := c.node(doc.Content[0], 0)
	if err := c.errs.Err(); err != nil {
		return nil, err
	}
	return n, nil
}

func bounded(file string, text []byte) error {
	at := diag.Pos{File: file}
	if len(text) > MaxSize {
		return diag.Errorf(at, "is larger than %d MiB", MaxSize>>20)
	}
	if !utf8.Valid(text) {
		return diag.Errorf(invalidByte(file, text), "a byte that is not UTF-8").WithHint("save the file as UTF-8")
	}
	if atMostNodes(text) > MaxNodes {
		return diag.Errorf(at, "may hold more than %d values", MaxNodes).WithHint("split it into several files")
	}
	return nil
}

func invalidByte(file string, text []byte) diag.Pos {
	off := 0
	for off < len(text) {
		r, n := utf8.DecodeRune(text[off:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		off += n
	}
	return position(file, text, off)
}

// atMostNodes counts what may begin a node: each entry of a mapping is two.
func atMostNodes(text []byte) int {
	n := 1
	for i, c := range text {
		switch c {
		case ':':
			n += 2
		case ',', '[', '{', '?':
			n++
		case '-':
			if i+1 == len(text) || text[i+1] == ' ' || text[i+1] == '\n' || text[i+1] == '\r' || text[i+1] == '\t' {
				n++
			}
		}
	}
	return n
}

// errSecond stands for a second document.
var errSecond = errors.New("yaml: a second document begins")

// decodeFrom returns the one document, or nil of an empty text. It never panics: the parser does on some malformed comments, and a
// text of the user's must not end the program.
func decodeFrom(r io.Reader) (doc *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	dec := yaml.NewDecoder(r)
	var first, second yaml.Node
	if err := dec.Decode(&first); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := dec.Decode(&second); errors.Is(err, io.EOF) {
		return &first, nil
	} else if err != nil {
		return nil, err
	}
	return nil, errSecond
}
