package dial

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// endpoint is a target with everything decided.
type endpoint struct {
	name     string
	host     string // to connect to
	port     int
	addr     string // host:port
	user     string
	password string
	entry    string // host:port to look up in known_hosts
	known    []string
	strict   strictness
	hash     bool // write hashed names to known_hosts
	keys     []keyFile
	agent    string
	only     bool // of the agent's keys, use only those that keys name
	jump     []Hop
	timeout  time.Duration
}

// keyFile is one identity. Those that somebody named must be readable; the
// defaults need not exist.
type keyFile struct {
	path  string
	named bool
	certs []string
}

// strictness is what to do about an unknown host key.
type strictness int

const (
	strictAsk    strictness = iota // return *UnknownKey
	strictYes                      // refuse
	strictAccept                   // write it to known_hosts
)

// gateName tells apart what one sshd counts: its address, and the way there.
func (ep *endpoint) gateName() string { return formatHops(ep.jump) + ">" + ep.addr }

// resolve decides by: the target, then the ssh config, then the defaults.
func (d *Dialer) resolve(t Target) (*endpoint, error) {
	files, err := d.config()
	if err != nil {
		return nil, err
	}
	if t.Addr == "" {
		t.Addr = t.Name
	}
	r := resolver{d: d, t: t, s: files.lookup(t.Addr).under(t.Options)}
	r.ep = &endpoint{name: t.name(), password: t.Password, timeout: t.Timeout}
	for _, step := range []func() error{r.address, r.jump, r.limits, r.identities, r.hostKeys} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.ep, nil
}

type resolver struct {
	d  *Dialer
	t  Target
	s  settings
	ep *endpoint
}

func (r *resolver) address() error {
	ep := r.ep
	ep.host = r.t.Addr
	if v, ok := r.s.first("hostname"); ok {
		ep.host = strings.NewReplacer("%h", r.t.Addr, "%n", r.t.Addr, "%%", "%").Replace(v.value)
	}
	ep.host = strings.Trim(ep.host, "[]")
	if err := checkHost(ep.host); err != nil {
		return err
	}
	if err := r.port(); err != nil {
		return err
	}
	ep.user = firstOf(r.t.User, r.s.value("user"), r.d.cfg.User)
	if ep.user == "" {
		return fmt.Errorf("no user to log in as")
	}
	ep.addr = net.JoinHostPort(ep.host, strconv.Itoa(ep.port))
	return nil
}

func (r *resolver) port() error {
	r.ep.port = r.t.Port
	if v, ok := r.s.first("port"); ok && r.ep.port == 0 {
		n, err := strconv.Atoi(v.value)
		if err != nil || n < 1 || n > 65535 {
			return v.errorf("Port %q: a port is 1 to 65535", v.value)
		}
		r.ep.port = n
	}
	if r.ep.port == 0 {
		r.ep.port = 22
	}
	if r.ep.port < 1 || r.ep.port > 65535 {
		return fmt.Errorf("port %d: a port is 1 to 65535", r.ep.port)
	}
	return nil
}

func (r *resolver) jump() error {
	if r.t.ProxyJump != "" {
		hops, err := ParseJump(r.t.ProxyJump)
		r.ep.jump = hops
		return err
	}
	v, jump := r.s.first("proxyjump")
	if cmd, ok := r.s.first("proxycommand"); ok && !strings.EqualFold(cmd.value, "none") && !jump {
		return cmd.errorf("ProxyCommand %q: not supported; say ProxyJump", cmd.value)
	}
	if !jump {
		return nil
	}
	hops, err := ParseJump(v.value)
	if err != nil {
		return v.errorf("ProxyJump: %w", err)
	}
	r.ep.jump = hops
	return nil
}

func (r *resolver) limits() error {
	if r.ep.timeout > 0 {
		return nil
	}
	r.ep.timeout = r.d.cfg.Timeout
	v, ok := r.s.first("connecttimeout")
	if !ok || strings.EqualFold(v.value, "none") {
		return nil
	}
	if n, err := strconv.Atoi(v.value); err == nil && n > 0 {
		r.ep.timeout = time.Duration(n) * time.Second
		return nil
	}
	d, err := time.ParseDuration(v.value)
	if err != nil || d <= 0 {
		return v.errorf("ConnectTimeout %q: say a number of seconds", v.value)
	}
	r.ep.timeout = d
	return nil
}

func (r *resolver) identities() error {
	ep := r.ep
	ep.only = strings.EqualFold(r.s.value("identitiesonly"), "yes")
	if r.t.KeyFile != "" {
		ep.keys = append(ep.keys, keyFile{path: expandHome(r.t.KeyFile, r.d.cfg.Home), named: true})
	}
	for _, v := range r.s["identityfile"] {
		if !strings.EqualFold(v.value, "none") {
			ep.keys = append(ep.keys, keyFile{path: r.expand(v.value), named: true})
		}
	}
	if len(ep.keys) == 0 {
		for _, path := range r.d.cfg.Identities {
			ep.keys = append(ep.keys, keyFile{path: path})
		}
	}
	for _, v := range r.s["certificatefile"] {
		for i := range ep.keys {
			ep.keys[i].certs = append(ep.keys[i].certs, r.expand(v.value))
		}
	}
	ep.agent = r.d.cfg.Agent
	if v, ok := r.s.first("identityagent"); ok && v.value != "SSH_AUTH_SOCK" {
		ep.agent = r.expand(v.value)
		if strings.EqualFold(v.value, "none") {
			ep.agent = ""
		}
	}
	return nil
}

func (r *resolver) hostKeys() error {
	ep := r.ep
	ep.entry = strings.ToLower(ep.addr)
	if v, ok := r.s.first("hostkeyalias"); ok {
		ep.entry = net.JoinHostPort(strings.ToLower(v.value), "22")
	}
	ep.known = r.d.cfg.KnownHosts
	if v, ok := r.s.first("userknownhostsfile"); ok {
		ep.known = nil
		for _, path := range strings.Fields(v.value) {
			ep.known = append(ep.known, r.expand(path))
		}
		if len(r.d.cfg.KnownHosts) > 1 {
			ep.known = append(ep.known, r.d.cfg.KnownHosts[1:]...)
		}
	}
	if v, ok := r.s.first("globalknownhostsfile"); ok {
		ep.known = ep.known[:1:1]
		for _, path := range strings.Fields(v.value) {
			ep.known = append(ep.known, r.expand(path))
		}
	}
	ep.hash = strings.EqualFold(r.s.value("hashknownhosts"), "yes")
	return r.strictness()
}

// strictness reads StrictHostKeyChecking. "no" would have OpenSSH go on with a
// changed key too, which is never right here.
func (r *resolver) strictness() error {
	v, _ := r.s.first("stricthostkeychecking")
	switch strings.ToLower(v.value) {
	case "", "ask":
	case "yes":
		r.ep.strict = strictYes
	case "accept-new", "no", "off":
		r.ep.strict = strictAccept
	default:
		return v.errorf("StrictHostKeyChecking %q: say yes, ask, accept-new or no", v.value)
	}
	if r.d.cfg.AcceptNew {
		r.ep.strict = strictAccept
	}
	return nil
}

// expand replaces the tokens that OpenSSH knows in file names.
func (r *resolver) expand(path string) string {
	home := r.d.cfg.Home
	path = strings.NewReplacer("%%", "%", "%d", home, "%h", r.ep.host, "%n", r.t.Addr,
		"%p", strconv.Itoa(r.ep.port), "%r", r.ep.user, "%u", r.d.cfg.User, "${HOME}", home).Replace(path)
	path = expandHome(path, home)
	if !filepath.IsAbs(path) && !strings.HasPrefix(path, "none") {
		path = filepath.Join(home, path)
	}
	return path
}

// checkHost refuses what no host is called and a shell or a log could trip over.
func checkHost(host string) error {
	switch {
	case host == "":
		return fmt.Errorf("no address")
	case strings.HasPrefix(host, "-"):
		return fmt.Errorf("address %q: begins with a dash", host)
	case strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("'\"`$\\;&<>|(){},@/*?!#", r) }):
		return fmt.Errorf("address %q: contains a character that no host name has", host)
	}
	return nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
