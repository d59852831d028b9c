package cli

import (
	"path/filepath"
	"strings"
	"time"

	"netrun/cmd/netrun/internal/dial"
	"netrun/cmd/netrun/internal/fleet"
	"netrun/cmd/netrun/internal/push"
	"netrun/inventory"
	"netrun/templates"
)

// login is what a play says of how its hosts are reached. Plays with the same
// login share their connections.
type login struct {
	connection   string
	user         string
	port         int
	become       bool
	becomeMethod string
}

// targets makes the ways to hosts, for one login. A variable of the inventory wins
// over the play, and the play over flags.
type targets struct {
	*connectOptions
	home  string
	login login
	extra map[string]any
}

func (t targets) target(h *inventory.Host) (fleet.Target, error) {
	vars, err := t.variables(h)
	if err != nil {
		return fleet.Target{}, err
	}
	c, err := inventory.ConnectionFrom(h.Name(), vars)
	if err != nil {
		return fleet.Target{}, err
	}
	said := func(names ...string) bool {
		for _, n := range names {
			if _, ok := vars[n]; ok {
				return true
			}
		}
		return false
	}
	if t.login.connection != "" && !said("ansible_connection", "netrun_connection") {
		c.Type = t.login.connection
	}
	out := fleet.Target{Dial: dial.Target{
		Name: h.Name(), Addr: c.Host, Local: c.Type == "local", User: firstOf(c.User, t.login.user, t.User), Password: c.Password,
		Port: c.Port, KeyFile: t.path(firstOf(c.KeyFile, t.PrivateKey)), ProxyJump: c.ProxyJump,
		Timeout: time.Duration(c.ConnectTimeout) * time.Second, Options: c.SSHArgs,
	}}
	if out.Dial.Port == 0 {
		out.Dial.Port = t.login.port
	}
	if c.HostKeyChecking != nil && !*c.HostKeyChecking {
		out.Dial.Options = append(out.Dial.Options, "StrictHostKeyChecking=accept-new")
	}
	if c.Type == "docker" || c.Type == "podman" {
		out.Dial.Runtime, out.Dial.RuntimeArgs = c.Type, c.RuntimeArgs
	}
	all := c.Become || t.Become && !said("ansible_become", "netrun_become")
	if all || t.login.become && !said("ansible_become", "netrun_become") {
		out.Become = t.become(c, out.Dial.User)
		// Where only some tasks become root, the others run as who logged in.
		out.Become.KeepLogin = !all && out.Become.User == "root"
		t.becomeByRuntime(c, &out)
	}
	return out, nil
}

// become is nothing for root who wants to be root: such a host may have no sudo.
func (t targets) become(c inventory.Connection, user string) push.Become {
	b := push.Become{
		Method:   firstOf(c.BecomeMethod, t.login.becomeMethod, t.BecomeMethod, "sudo"),
		User:     firstOf(c.BecomeUser, t.BecomeUser, "root"),
		Password: firstOf(c.BecomePassword, t.becomePassword),
	}
	if b.User == "root" && user == "root" {
		return push.Become{}
	}
	return b
}

// becomeByRuntime lets the runtime itself make the user of a container: few images
// have a sudo. Who is somebody else there already needs the method, as does who names one.
func (t targets) becomeByRuntime(c inventory.Connection, out *fleet.Target) {
	named := firstOf(c.BecomeMethod, t.login.becomeMethod, t.BecomeMethod) != ""
	if out.Dial.Runtime == "" || out.Dial.User != "" || named {
		return
	}
	out.Dial.User, out.Become = out.Become.User, push.Become{}
}

func (t targets) path(file string) string {
	if file == "~" || strings.HasPrefix(file, "~/") {
		return filepath.Join(t.home, file[1:])
	}
	return file
}

// variables are the host's, with extra variables over them; those that say how to
// connect are rendered.
func (t targets) variables(h *inventory.Host) (map[string]inventory.Var, error) {
	out := make(map[string]inventory.Var, len(h.Vars())+len(t.extra))
	layer := map[string]any{"inventory_hostname": h.Name()}
	for name, v := range h.Vars() {
		out[name] = v
		layer[name] = v.Value
	}
	for name, v := range t.extra {
		out[name] = inventory.Var{Value: v, From: "-e"}
		layer[name] = v
	}
	for name, v := range out {
		if !aboutConnection(name) {
			continue
		}
		value, err := rendered(layer, v)
		if err != nil {
			return nil, err
		}
		v.Value = value
		out[name] = v
	}
	return out, nil
}

func aboutConnection(name string) bool {
	return strings.HasPrefix(name, "ansible_") || strings.HasPrefix(name, "netrun_")
}

// rendered is the variable's value, its own template and those of the variables
// that it names evaluated.
func rendered(vars map[string]any, v inventory.Var) (any, error) {
	if text, ok := v.Value.(string); ok && templates.HasActions(text) {
		parsed, err := templates.Parse(text, templates.Origin{Pos: v.Pos, Indent: -1})
		if err != nil {
			return nil, err
		}
		v.Value = parsed
	}
	t, ok := v.Value.(*templates.Template)
	if !ok {
		return v.Value, nil
	}
	layer, err := parsedAll(vars)
	if err != nil {
		return nil, err
	}
	return t.Eval(templates.NewScope(layer))
}

// parsedAll parses the texts among the variables that are templates.
func parsedAll(vars map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(vars))
	for name, v := range vars {
		out[name] = v
		text, ok := v.(string)
		if !ok || !templates.HasActions(text) {
			continue
		}
		t, err := templates.Parse(text, templates.Origin{Indent: -1})
		if err != nil {
			return nil, err
		}
		out[name] = t
	}
	return out, nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
