package tasks

import (
	"errors"
	"fmt"
	"strconv"

	"netrun/tasks/state"
)

// PKey is an InfiniBand partition key: a hexadecimal number, 8001 or 0x8001.
type PKey int

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *PKey) UnmarshalText(text []byte) error {
	n, err := parseHex(string(text))
	if err != nil || n < 1 || n > 0xffff || n == 0x8000 {
		return fmt.Errorf("%q is not a partition key: write four hexadecimal digits, 8001", text)
	}
	*k = PKey(n | 0x8000) // a full member, as ip and pipework do
	return nil
}

func parseHex(text string) (int, error) {
	if len(text) > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') {
		text = text[2:]
	}
	n, err := strconv.ParseUint(text, 16, 16)
	return int(n), err
}

// IPoIB is a child of an InfiniBand link: IP over InfiniBand.
type IPoIB struct {
	Name      IfName    `arg:"name,required" doc:"name of the link"`
	Link      IfName    `arg:"link" doc:"the host's InfiniBand link below; needed unless state is absent"`
	PKey      PKey      `arg:"pkey" doc:"partition key in hexadecimal, 8001; unset, that of the link below"`
	Mode      string    `arg:"mode" choices:"datagram,connected" doc:"unset, what the driver takes"`
	MTU       int       `arg:"mtu" doc:"MTU in bytes"`
	IPv6      *bool     `arg:"ipv6" doc:"whether the link speaks IPv6"`
	Up        bool      `arg:"up" default:"true" doc:"whether the link is up"`
	State     string    `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the link"`
	Netns     Netns     `arg:"netns" doc:"network namespace that gets the link, as ip netns lists it"`
	Container Container `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "ipoib", Short: "a child of an InfiniBand link", New: func() Task { return new(IPoIB) }})
}

func (i *IPoIB) place() place { return place{i.Netns, i.Container} }

// Check implements Task.
func (i *IPoIB) Check() error {
	errs := []error{i.place().check(), checkMTU(i.MTU)}
	if i.Link == "" && i.State != absent {
		errs = append(errs, Wrong("link", "on top of which link?"))
	}
	return errors.Join(errs...)
}

// Want implements Wanter.
func (i *IPoIB) Want() []state.Want {
	return wants(i.State, state.Link{Scope: i.place().scope(), Name: string(i.Name), Type: "ipoib", State: upDown(i.Up), MTU: i.MTU,
		IPv6: onOff(i.IPv6), Parent: string(i.Link), PKey: int(i.PKey), Mode: i.Mode})
}
