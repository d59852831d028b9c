package inventory

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
)

// Connection is how a host is reached. The zero values mean that the inventory
// says nothing: ~/.ssh/config, flags and defaults are the caller's business.
type Connection struct {
	Type           string // ssh, local, docker or podman
	Host           string // address or name to dial, or the container's name; the inventory name unless set
	Port           int
	User           string
	Password       string `json:"-"`
	KeyFile        string // as written: ~ and relative paths are not resolved
	Become         bool
	BecomeMethod   string // sudo, su or doas; "" where not said
	BecomeUser     string
	BecomePassword string `json:"-"`
	// SSHArgs are options of ssh_config(5) as "Keyword=value", those left over
	// when the fields here have taken theirs.
	SSHArgs         []string
	ProxyJump       string // [user@]host[:port], several with commas
	HostKeyChecking *bool  // nil where not said
	ConnectTimeout  int    // seconds
	// RuntimeArgs are words for docker or podman before exec, as --context=NAME.
	RuntimeArgs []string
}

// String describes c without its passwords.
func (c Connection) String() string {
	s := c.Type + " " + c.Host
	if c.User != "" {
		s = c.Type + " " + c.User + "@" + c.Host
	}
	if c.Port != 0 {
		s += ":" + strconv.Itoa(c.Port)
	}
	return s
}

// GoString is String: %#v does not show passwords either.
func (c Connection) GoString() string { return c.String() }

// Connection reads how h is reached from its variables.
func (h *Host) Connection() (Connection, error) { return ConnectionFrom(h.name, h.Vars()) }

// connectionVars says which variable sets what. Of several names of one thing
// the first that is set wins, so that netrun's own win over Ansible's.
var connectionVars = []struct {
	names string
	set   func(c *Connection, v Var, name string) error
}{
	{"netrun_connection ansible_connection", setType},
	{"netrun_host ansible_host ansible_ssh_host", text(func(c *Connection) *string { return &c.Host })},
	{"netrun_port ansible_port ansible_ssh_port", setPort},
	{"netrun_user ansible_user ansible_ssh_user", text(func(c *Connection) *string { return &c.User })},
	{"netrun_password ansible_password ansible_ssh_password ansible_ssh_pass", text(func(c *Connection) *string { return &c.Password })},
	{"netrun_key_file ansible_ssh_private_key_file ansible_private_key_file", text(func(c *Connection) *string { return &c.KeyFile })},
	{"netrun_become ansible_become", func(c *Connection, v Var, name string) (err error) { c.Become, err = boolean(v, name); return }},
	{"netrun_become_method ansible_become_method", setBecomeMethod},
	{"netrun_become_user ansible_become_user", text(func(c *Connection) *string { return &c.BecomeUser })},
	{"netrun_become_password ansible_become_password ansible_become_pass ansible_sudo_pass", text(func(c *Connection) *string { return &c.BecomePassword })},
	{"netrun_ssh_common_args ansible_ssh_common_args", sshArgs},
	{"netrun_ssh_extra_args ansible_ssh_extra_args", sshArgs},
	{"netrun_proxy_jump", text(func(c *Connection) *string { return &c.ProxyJump })},
	{"netrun_host_key_checking ansible_ssh_host_key_checking ansible_host_key_checking", setHostKeyChecking},
	{"netrun_connect_timeout ansible_ssh_timeout ansible_timeout", setTimeout},
	{"netrun_runtime_args ansible_docker_extra_args ansible_podman_extra_args", runtimeArgs},
}

// ConnectionFrom reads how a host of the given inventory name is reached. The
// variables' values are taken as they are: what is a template has to be rendered
// before. The error joins a *diag.Error for each wrong value, without the value
// of a secret.
func ConnectionFrom(name string, vars map[string]Var) (Connection, error) {
	c := Connection{Type: "ssh", Host: name}
	var errs diag.List
	for _, cv := range connectionVars {
		for _, n := range strings.Fields(cv.names) {
			v, ok := vars[n]
			if !ok || v.Value == nil {
				continue
			}
			errs.Add(cv.set(&c, v, n))
			break
		}
	}
	return c, errs.Err()
}

func wrong(v Var, name, what string) *diag.Error {
	shown := ""
	if s, ok := v.Value.(string); ok && !diag.Secret(name) && len(s) < 80 {
		shown = fmt.Sprintf(" %q", s)
	} else if ok := v.Value != nil && !diag.Secret(name) && kind(v.Value) != "text"; ok {
		shown = " " + kind(v.Value)
	}
	return diag.Errorf(v.Pos, "%s%s is no %s", name, shown, what)
}

func kind(v any) string {
	switch v := v.(type) {
	case []any:
		return "(a list)"
	case map[string]any:
		return "(a mapping)"
	case bool, int, float64:
		return fmt.Sprint(v)
	}
	return "text"
}

// text makes a setter of a text field. Numbers are taken as their digits: a
// password or user may look like one.
func text(field func(*Connection) *string) func(*Connection, Var, string) error {
	return func(c *Connection, v Var, name string) error {
		switch s := v.Value.(type) {
		case string:
			*field(c) = s
		case int, float64:
			*field(c) = fmt.Sprint(s)
		default:
			return wrong(v, name, "text")
		}
		if i := strings.IndexAny(*field(c), "\x00\r\n"); i >= 0 {
			return diag.Errorf(v.Pos, "%s holds a line break or NUL", name)
		}
		return checkDial(c, v, name)
	}
}

// checkDial refuses what ssh would take for an option.
func checkDial(c *Connection, v Var, name string) error {
	for _, s := range []string{c.Host, c.User, c.ProxyJump, c.BecomeUser} {
		if strings.HasPrefix(s, "-") || strings.ContainsAny(s, " \t") {
			return wrong(v, name, "name").WithHint("it begins with - or holds blanks")
		}
	}
	return nil
}

func setType(c *Connection, v Var, name string) error {
	s, _ := v.Value.(string)
	word, ok := connectionTypes[strings.TrimPrefix(s, "ansible.builtin.")]
	if !ok {
		return wrong(v, name, "connection").WithHint("known: docker, local, podman, ssh")
	}
	c.Type = word
	return nil
}

// connectionTypes are the names of Ansible's connections that we have one for.
var connectionTypes = map[string]string{
	"ssh": "ssh", "smart": "ssh", "paramiko": "ssh", "paramiko_ssh": "ssh", "local": "local",
	"docker": "docker", "community.docker.docker": "docker", "community.docker.docker_api": "docker",
	"podman": "podman", "containers.podman.podman": "podman",
}

// runtimeArgs reads options of the docker or podman command, as
// ansible_docker_extra_args has them.
func runtimeArgs(c *Connection, v Var, name string) error {
	s, ok := v.Value.(string)
	if !ok {
		return wrong(v, name, "text")
	}
	tokens, err := words(s, false)
	if err != nil {
		return diag.Errorf(v.Pos, "%s: %v", name, err)
	}
	for _, t := range tokens {
		c.RuntimeArgs = append(c.RuntimeArgs, t.text)
	}
	return nil
}

func setPort(c *Connection, v Var, name string) (err error) {
	if c.Port, err = whole(v, name); err == nil && (c.Port < 1 || c.Port > 65535) {
		err = wrong(v, name, "port").WithHint("a number between 1 and 65535")
	}
	return err
}

func setTimeout(c *Connection, v Var, name string) (err error) {
	if c.ConnectTimeout, err = whole(v, name); err == nil && (c.ConnectTimeout < 1 || c.ConnectTimeout > 24*3600) {
		err = wrong(v, name, "timeout").WithHint("seconds, between 1 and 86400")
	}
	return err
}

func setBecomeMethod(c *Connection, v Var, name string) error {
	s, _ := v.Value.(string)
	switch s = strings.TrimPrefix(s, "ansible.builtin."); s {
	case "sudo", "su", "doas":
		c.BecomeMethod = s
		return nil
	}
	return wrong(v, name, "become method").WithHint("known: doas, su, sudo")
}

func setHostKeyChecking(c *Connection, v Var, name string) error {
	b, err := boolean(v, name)
	c.HostKeyChecking = &b
	return err
}

// whole returns an integer value; text of digits is one.
func whole(v Var, name string) (int, error) {
	switch n := v.Value.(type) {
	case int:
		return n, nil
	case float64:
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int(n), nil
		}
	case string:
		if i, err := strconv.Atoi(strings.TrimSpace(n)); err == nil {
			return i, nil
		}
	}
	return 0, wrong(v, name, "whole number")
}

// boolean returns a boolean value. INI values are text unless they are Python's,
// so yes and no come as text too.
func boolean(v Var, name string) (bool, error) {
	switch b := v.Value.(type) {
	case bool:
		return b, nil
	case int:
		if b == 0 || b == 1 {
			return b == 1, nil
		}
	case string:
		if b, ok := yamlpos.Plain(strings.ToLower(strings.TrimSpace(b))).(bool); ok {
			return b, nil
		}
		if b == "1" || b == "0" || b == "t" || b == "f" || b == "y" || b == "n" {
			return b == "1" || b == "t" || b == "y", nil
		}
	}
	return false, wrong(v, name, "boolean").WithHint("yes or no")
}
