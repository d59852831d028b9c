package state

import (
	"crypto/sha256"
	"encoding/hex"
)

// File is a file, directory or symbolic link of the host.
type File struct {
	Path   string `json:"path" state:"key"`   // absolute, clean
	Type   string `json:"type" state:"fixed"` // file, directory or link
	Mode   string `json:"mode,omitempty"`     // octal, four digits: 0644
	Owner  string `json:"owner,omitempty"`    // name, or decimal id where there is no name
	Group  string `json:"group,omitempty"`
	Target string `json:"target,omitempty"` // of a link
	SHA256 string `json:"sha256,omitempty"` // of a file's content, hex
	// Content is a wanted content. It never enters a journal: the host keeps what
	// a change replaces in a store of its own, found by SHA256.
	Content []byte `json:"-" state:"hint"`
	// Secret keeps the content out of diffs.
	Secret bool `json:"secret,omitempty" state:"hint"`
	// Link makes the content, of what is known of the container Of.
	Link *LinkEnv `json:"link,omitempty" state:"hint"`
	Of   Scope    `json:"of,omitempty" state:"hint"`
}

// Key implements Object.
func (f File) Key() Key { return Key{Kind: KindFile, Name: f.Path} }

// Needs implements Object.
func (f File) Needs() []Key { return nil }

// Reads implements Late.
func (f File) Reads() []Key {
	if f.Link == nil {
		return nil
	}
	return append(containerKeys(f.Of), routingKeys(HostScope)...)
}

// Resolve implements Late: it makes the content where the file is about a link.
func (f File) Resolve(view View) (Object, error) {
	if f.Link == nil {
		return f, nil
	}
	content, err := f.Link.content(view, f.Of)
	if err != nil {
		return nil, err
	}
	f.Link, f.Of = nil, ""
	return f.WithContent(content), nil
}

// WithContent is the file with that content and its checksum.
func (f File) WithContent(content []byte) File {
	f.Content, f.SHA256 = content, Checksum(content)
	return f
}

// Checksum is the hex SHA-256 of content.
func Checksum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Edit is a want that depends on the file's present content: it becomes the File
// with Change applied to it. Change must be pure, and a second application must
// change nothing.
type Edit struct {
	File   File
	Create bool // an absent file is an empty one
	// Optional wants nothing of an absent file; without it and Create that is an error.
	Optional bool
	Change   func(old []byte) ([]byte, error)
}

// Key implements Object.
func (e Edit) Key() Key { return e.File.Key() }

// Needs implements Object.
func (e Edit) Needs() []Key { return nil }

// Reads implements Late.
func (e Edit) Reads() []Key { return []Key{e.Key()} }

// Resolve implements Late.
func (e Edit) Resolve(view View) (Object, error) {
	var old []byte
	if have, ok := view.Get(e.Key()); ok {
		old = have.(File).Content
	} else if e.Optional {
		return nil, nil
	} else if !e.Create {
		return nil, &MissingError{Key: e.Key(), Needs: e.Key()}
	}
	content, err := e.Change(old)
	if err != nil {
		return nil, err
	}
	return e.File.WithContent(content), nil
}
