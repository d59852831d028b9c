package linuxhost

import (
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"netrun/tasks/state"
)

// Commands of ethtool (linux/ethtool.h): checksums of what is sent.
const (
	ethtoolGetTx = 0x16
	ethtoolSetTx = 0x17
)

// ethtoolValue is struct ethtool_value.
type ethtoolValue struct{ command, data uint32 }

// ifreqData is struct ifreq with a pointer in it.
type ifreqData struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte
}

// ethtool asks or tells the link's driver, in the namespace of the space.
func (s *session) ethtool(sp *space, link string, value *ethtoolValue) error {
	return s.thread.in(sp, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open socket in %s: %w", sp, err)
		}
		defer unix.Close(fd)
		req := ifreqData{data: unsafe.Pointer(value)}
		copy(req.name[:unix.IFNAMSIZ-1], link)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
		if errno != 0 {
			return errno
		}
		return nil
	})
}

// readOffloads reads those that are asked for by name. A driver that has no such
// switch, and a link that is not there, have none.
func (s *session) readOffloads(q *query) ([]state.Object, error) {
	sp, err := s.space(q.scope)
	if err != nil {
		return nil, err
	}
	var out []state.Object
	for _, name := range q.names {
		link, feature, _ := strings.Cut(name, " ")
		value := ethtoolValue{command: ethtoolGetTx}
		if feature != "tx" || s.ethtool(sp, link, &value) != nil {
			continue
		}
		o := state.Offload{Scope: q.scope, Link: link, Feature: feature, Value: "off"}
		if value.data != 0 {
			o.Value = "on"
		}
		out = append(out, o)
	}
	return out, nil
}

func (s *session) setOffload(o state.Offload) error {
	if o.Feature != "tx" {
		return fmt.Errorf("%q is not known", o.Feature)
	}
	sp, err := s.space(o.Scope)
	if err != nil {
		return err
	}
	value := ethtoolValue{command: ethtoolSetTx, data: boolNumber(o.Value == "on")}
	if err := s.ethtool(sp, o.Link, &value); err != nil {
		return fmt.Errorf("turn %s %s: %w", o.Feature, o.Value, err)
	}
	return nil
}
