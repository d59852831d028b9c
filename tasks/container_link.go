package tasks

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"netrun/tasks/state"
)

// ContainerLink gives a container what docker run --link gave: variables that say
// where another one is, and its name in the hosts file.
type ContainerLink struct {
	Container Container         `arg:"container" doc:"the container that gets the link, as publish names it"`
	Netns     Netns             `arg:"netns" doc:"the same, by the name of a network namespace only"`
	Source    Container         `arg:"source,required" doc:"the container that it is linked to"`
	Alias     string            `arg:"alias" doc:"name under which it is known there; unset, its own"`
	Host      string            `arg:"host" doc:"host of the inventory that the source runs on, if it is another one. Its address (node_address, or ansible_host) then is the source's, unless address says otherwise"`
	Address   Addr              `arg:"address" doc:"address of the source; unset, one that is reached: by the host for the variables, by the container for its hosts file"`
	Ports     []any             `arg:"ports" doc:"ports of the source, [REACHED_AT:]PORT[/tcp|udp|sctp], or the ports that publish registered; unset, those that it exposes (of another host: none)"`
	Env       map[string]string `arg:"env,secret" doc:"environment of a source on another host; that of one on this host is read"`
	Hostname  string            `arg:"hostname" doc:"what a source on another host calls itself"`
	Variables bool              `arg:"variables" default:"true" doc:"write the variables to path"`
	Path      FilePath          `arg:"path" doc:"file with the variables, for docker run --env-file; unset, /var/lib/netrun/links/CONTAINER.ALIAS.env. It is root's alone"`
	Hosts     bool              `arg:"hosts" default:"true" doc:"add the source to the hosts file of the running container"`
	State     string            `arg:"state" default:"present" choices:"present,absent" doc:"absent removes the file and the lines"`
}

func init() {
	Register(Kind{Name: "container_link", Short: "variables and hosts lines of another container (docker run --link)", New: func() Task { return new(ContainerLink) }})
}

const linksDir = "/var/lib/netrun/links"

func (l *ContainerLink) place() place  { return place{l.Netns, l.Container} }
func (l *ContainerLink) source() place { return place{container: l.Source} }

// alias is the name under which the container knows the source.
func (l *ContainerLink) alias() string {
	if l.Alias != "" {
		return l.Alias
	}
	return plainName(l.source().scope())
}

// plainName is a container's name as one word: of a compose service SERVICE, or
// SERVICE_NUMBER, as compose called its links.
func plainName(s state.Scope) string {
	parts := strings.Split(s.Bare(), "/")
	if len(parts) > 1 {
		parts = parts[1:]
	}
	return strings.Join(parts, "_")
}

// file is where the variables go.
func (l *ContainerLink) file() string {
	if l.Path != "" {
		return string(l.Path)
	}
	return path.Join(linksDir, strings.ReplaceAll(l.place().scope().Bare(), "/", "_")+"."+l.alias()+".env")
}

// Expand implements Expander: the other host becomes its address.
func (l *ContainerLink) Expand(inv Inventory) error {
	if l.Host == "" || l.Host == inv.Self() {
		l.Host = ""
		return nil
	}
	if l.Address.IsValid() {
		return nil
	}
	addr, err := addressOf(inv, l.Host)
	if err != nil {
		return under(err, "host")
	}
	l.Address = Addr{addr}
	return nil
}

// ExpandsInPart implements PartExpander: the ports may be those that another host registers.
func (l *ContainerLink) ExpandsInPart() {}

var (
	aliasName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	envName   = regexp.MustCompile(`^[^\s=#][^\s=]*$`)
)

// Check implements Task.
func (l *ContainerLink) Check() error {
	errs := []error{l.place().check(), checkLine("hostname", l.Hostname)}
	if !l.place().given() {
		errs = append(errs, Wrong("container", "which container?"))
	}
	if !aliasName.MatchString(l.alias()) || len(l.alias()) > 253 {
		errs = append(errs, Wrong("alias", "%q is not a name for a hosts file", l.alias()))
	}
	if l.Host == "" && l.place().scope() == l.source().scope() {
		errs = append(errs, Wrong("source", "cannot link %s to itself", l.Source))
	}
	if l.Hostname != "" && !aliasName.MatchString(l.Hostname) {
		errs = append(errs, Wrong("hostname", "%q is not a host name", l.Hostname))
	}
	if l.Hosts && l.place().scope().Needs() != nil && strings.HasPrefix(string(l.place().scope()), "pid:") {
		errs = append(errs, Wrong("hosts", "where the hosts file of a process is, nobody knows: name the container, or say hosts: false"))
	}
	if !l.Hosts && !l.Variables {
		errs = append(errs, Wrong("hosts", "neither hosts nor variables: there is nothing to do"))
	}
	return errors.Join(append(errs, l.checkFar(), l.checkPorts())...)
}

// checkFar wants what only another host's container needs with host alone.
func (l *ContainerLink) checkFar() error {
	if l.Host != "" && !l.Address.IsValid() {
		return Wrong("host", "its address is not known when the task runs").WithHint("give address")
	}
	if l.Host == "" {
		switch {
		case l.Env != nil:
			return Wrong("env", "the environment of a container on this host is read from it").WithHint("env goes with host")
		case l.Hostname != "":
			return Wrong("hostname", "the host name of a container on this host is read from it").WithHint("hostname goes with host")
		}
	}
	var errs []error
	for _, name := range sortedKeys(l.Env) {
		if !envName.MatchString(name) {
			errs = append(errs, Wrong("env", "%q is not the name of a variable", name))
		}
	}
	return errors.Join(errs...)
}

func (l *ContainerLink) checkPorts() error {
	var errs []error
	for i, item := range l.Ports {
		if _, err := linkPort(item); err != nil {
			errs = append(errs, at(Wrong("ports", "%v", err), i))
		}
	}
	return errors.Join(errs...)
}

// linkPort is a port as text: [REACHED:]PORT/PROTO. A map is one that publish registered.
func linkPort(item any) (string, error) {
	m, ok := item.(map[string]any)
	if !ok {
		text, ok := scalarText(item)
		if !ok {
			return "", fmt.Errorf("%s is not a port", describe(item))
		}
		_, err := state.ParseLinkPort(text)
		return text, err
	}
	text := ""
	for _, name := range []string{"host_port", "container_port", "proto"} {
		part, ok := scalarText(m[name])
		if !ok {
			return "", fmt.Errorf("a port that publish registered has %s", name)
		}
		text += map[string]string{"container_port": ":", "proto": "/"}[name] + part
	}
	_, err := state.ParseLinkPort(text)
	return text, err
}

// ports are the texts of Ports; Check has refused what is none.
func (l *ContainerLink) ports() []string {
	var out []string
	for _, item := range l.Ports {
		if text, err := linkPort(item); err == nil {
			out = append(out, text)
		}
	}
	return out
}

// Want implements Wanter.
func (l *ContainerLink) Want() []state.Want {
	var objects []state.Object
	if l.Variables {
		if l.Path == "" && l.State != absent {
			objects = append(objects, state.Folder{Path: path.Dir(linksDir)},
				state.File{Path: linksDir, Type: "directory", Mode: "0700"})
		}
		objects = append(objects, l.variables())
	}
	if l.Hosts {
		objects = append(objects, l.hostsLines()...)
	}
	return wants(l.State, objects...)
}

// variables is the file with them.
func (l *ContainerLink) variables() state.File {
	f := state.File{Path: l.file(), Type: "file", Mode: "0600", Secret: true}
	recipient := plainName(l.place().scope())
	switch {
	case l.State == absent:
	case l.Host != "":
		var ports []state.LinkPort
		for _, text := range l.ports() {
			if p, err := state.ParseLinkPort(text); err == nil {
				ports = append(ports, p)
			}
		}
		var env []string
		for _, name := range sortedKeys(l.Env) {
			env = append(env, name+"="+l.Env[name])
		}
		f = f.WithContent(state.LinkVariables(recipient, l.alias(), l.Address.Addr, ports, env))
	default:
		f.Link = &state.LinkEnv{Recipient: recipient, Alias: l.alias(), Ports: l.ports(), Address: l.Address.text()}
		f.Of = l.source().scope()
	}
	return f
}

// hostsLines are those of the container: one a family in which the source has an address.
func (l *ContainerLink) hostsLines() []state.Object {
	var out []state.Object
	for _, family := range []int{4, 6} {
		line := state.HostsLine{Scope: l.place().scope(), Family: family, Alias: l.alias()}
		switch {
		case l.State == absent:
		case l.Address.IsValid() && l.Address.Is6() != (family == 6):
			continue
		case l.Host != "":
			line.IP = l.Address.text()
			for _, name := range []string{l.Hostname, plainName(l.source().scope())} {
				if name != "" && name != line.Alias {
					line.Names = append(line.Names, name)
				}
			}
		default:
			line.Of, line.IP, line.Names = l.source().scope(), l.Address.text(), []string{"${hostname}", "${name}"}
			if !l.Address.IsValid() {
				line.IP, line.Optional = "${to"+strconv.Itoa(family)+"}", true
			}
		}
		out = append(out, line)
	}
	return out
}

// Told implements Teller.
func (l *ContainerLink) Told(view state.View) map[string]any {
	told := map[string]any{"alias": l.alias(), "prefix": state.LinkPrefix(l.alias())}
	if l.Variables {
		told["path"] = l.file()
	}
	return told
}
