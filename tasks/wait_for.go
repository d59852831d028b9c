package tasks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// WaitFor waits for a TCP port, a path or a link.
type WaitFor struct {
	Port           int           `arg:"port" doc:"TCP port"`
	Host           string        `arg:"host" default:"127.0.0.1" doc:"address or name of the host that has the port"`
	Path           FilePath      `arg:"path" doc:"path on the host, instead of a port"`
	Interface      IfName        `arg:"interface" doc:"link that is up and has a carrier, instead of a port: what is started in a container before its link is there waits for it"`
	State          string        `arg:"state" default:"started" choices:"started,stopped,present,absent" doc:"started and present wait until it is there, stopped and absent until it is gone"`
	Timeout        time.Duration `arg:"timeout" default:"300" doc:"how long it may take, in seconds or as 2m"`
	Delay          time.Duration `arg:"delay" doc:"how long to wait before looking for the first time"`
	Sleep          time.Duration `arg:"sleep" default:"1" doc:"how long to wait between two looks"`
	ConnectTimeout time.Duration `arg:"connect_timeout" default:"5" doc:"how long one attempt to connect may take"`
	Netns          Netns         `arg:"netns" doc:"network namespace to connect from, as ip netns lists it"`
	Container      Container     `arg:"container" doc:"the same, by the name of a container (as in static_ip), or pid:N"`
}

func init() {
	Register(Kind{Name: "wait_for", Short: "wait for a port, a path or a link", New: func() Task { return new(WaitFor) }})
}

// Check implements Task.
func (w *WaitFor) Check() error {
	errs := []error{place{w.Netns, w.Container}.check(), checkRange("port", w.Port, 1, 65535), checkLine("host", w.Host)}
	given := 0
	for _, g := range []bool{w.Port != 0, w.Path != "", w.Interface != ""} {
		if g {
			given++
		}
	}
	if given != 1 {
		errs = append(errs, Wrong("port", "for what? give either port, path or interface"))
	}
	if w.Host == "" {
		errs = append(errs, Wrong("host", "the host is empty"))
	}
	if w.Timeout <= 0 || w.Sleep <= 0 || w.ConnectTimeout <= 0 {
		errs = append(errs, Wrong("timeout", "timeout, sleep and connect_timeout are more than 0"))
	}
	return errors.Join(errs...)
}

func (w *WaitFor) what() string {
	switch {
	case w.Path != "":
		return string(w.Path)
	case w.Interface != "":
		return "interface " + string(w.Interface)
	}
	return net.JoinHostPort(w.Host, strconv.Itoa(w.Port))
}

// Needed implements Act. It looks once, so that there is nothing to do where all is well.
func (w *WaitFor) Needed(ctx context.Context, m Machine) (string, error) {
	if w.Delay == 0 {
		if ok, err := w.look(ctx, m); err != nil || ok {
			return "", err
		}
	}
	return fmt.Sprintf("wait for %s to be %s", w.what(), w.State), nil
}

// Observes implements Observer.
func (w *WaitFor) Observes() {}

// Do implements Act.
func (w *WaitFor) Do(ctx context.Context, m Machine) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout+w.Delay)
	defer cancel()
	for pause := w.Delay; ; pause = w.Sleep {
		if err := sleep(ctx, pause); err != nil {
			break
		}
		ok, err := w.look(ctx, m)
		if err != nil {
			return Outcome{}, err
		}
		if ok {
			return Outcome{Msg: fmt.Sprintf("%s is %s", w.what(), w.State)}, nil
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return Outcome{}, ctx.Err()
	}
	return Outcome{}, &Failure{Msg: fmt.Sprintf("wait for %s: not %s after %s", w.what(), w.State, w.Timeout)}
}

// look reports whether it is as wanted now.
func (w *WaitFor) look(ctx context.Context, m Machine) (bool, error) {
	var there bool
	var err error
	switch {
	case w.Path != "":
		there = diskOf(m).Exists(string(w.Path))
	case w.Interface != "":
		there, err = w.runs(m)
	default:
		there, err = w.connects(ctx, m)
	}
	if err != nil {
		return false, err
	}
	return there == (w.State == "started" || w.State == present), nil
}

// runs reports whether the link is up and has a carrier.
func (w *WaitFor) runs(m Machine) (bool, error) {
	const running = net.FlagUp | net.FlagRunning
	ok := false
	err := m.In(place{w.Netns, w.Container}.scope(), func() error {
		link, err := net.InterfaceByName(string(w.Interface))
		ok = err == nil && link.Flags&running == running
		return nil // one that is not there may come to be
	})
	return ok, err
}

func (w *WaitFor) connects(ctx context.Context, m Machine) (bool, error) {
	addrs, err := lookupHost(ctx, w.Host)
	if err != nil {
		return false, nil // a name may come to be, too
	}
	ctx, cancel := context.WithTimeout(ctx, w.ConnectTimeout)
	defer cancel()
	connected := false
	err = m.In(place{w.Netns, w.Container}.scope(), func() error {
		for _, addr := range addrs {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(addr.String(), strconv.Itoa(w.Port)))
			if err == nil {
				connected = true
				return conn.Close()
			}
		}
		return nil
	})
	return connected, err
}

// lookupHost gives the addresses of a host. A name is looked up with the host's
// own resolver, whichever namespace is connected from: the resolver's goroutines
// would not be in it.
func lookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// sleep waits, or gives the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
