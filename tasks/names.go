package tasks

import (
	"crypto/md5" // only to give the same MAC addresses as pipework
	"errors"
	"fmt"
	"net"
	"strings"
	"unicode"
)

// IfName is the name of a network interface: 1 to 15 bytes, as the kernel takes it.
type IfName string

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *IfName) UnmarshalText(text []byte) error {
	if err := ifNameError(string(text)); err != nil {
		return err
	}
	*n = IfName(text)
	return nil
}

func ifNameError(name string) error {
	switch {
	case name == "":
		return errors.New("an interface name is wanted, not nothing")
	case len(name) > 15:
		return fmt.Errorf("%q has %d characters: an interface name has at most 15", name, len(name))
	case name == "." || name == "..":
		return fmt.Errorf("%q is not an interface name", name)
	case name == "all" || name == "default":
		return fmt.Errorf("%q is not an interface name: the kernel's parameters use that word", name)
	}
	for _, r := range name {
		if unicode.IsSpace(r) || r == '/' || r == ':' || !unicode.IsPrint(r) {
			return fmt.Errorf("%q holds %q, which an interface name cannot have", name, r)
		}
	}
	if name[0] == '-' {
		return fmt.Errorf("%q begins with a dash", name)
	}
	return nil
}

// MAC is a hardware address in lower case, aa:bb:cc:dd:ee:ff. The text may also be
// "U:any text", from which an address is derived, the same one that pipework gives.
type MAC string

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *MAC) UnmarshalText(text []byte) error {
	if from, ok := strings.CutPrefix(string(text), "U:"); ok && from != "" {
		sum := md5.Sum([]byte(from + "\n")) // pipework hashes a line
		*m = localMAC(sum[:])
		return nil
	}
	hw, err := net.ParseMAC(string(text))
	if err != nil || len(hw) != 6 {
		return fmt.Errorf("%q is not a MAC address: write 02:00:00:00:00:01", text)
	}
	if hw[0]&1 != 0 {
		return fmt.Errorf("%q is a multicast address: the first byte of an interface's own is even", text)
	}
	if hw.String() == "00:00:00:00:00:00" {
		return fmt.Errorf("%q is nobody's address", text)
	}
	*m = MAC(hw.String())
	return nil
}

// localMAC is a locally administered address with the first 40 bits of sum.
func localMAC(sum []byte) MAC {
	return MAC(fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", sum[0], sum[1], sum[2], sum[3], sum[4]))
}

// badRune is the first character of text that has no place in an argument that
// reaches a program or a name: newline, NUL and the other control characters.
func badRune(text string) (rune, bool) {
	for _, r := range text {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || r == '\u2028' || r == '\u2029' {
			return r, true
		}
	}
	return 0, false
}

// checkLine wants the argument to be one line without control characters.
func checkLine(arg, text string) error {
	if r, bad := badRune(text); bad {
		return Wrong(arg, "%q holds the character %q, which has no place there", text, r)
	}
	return nil
}
