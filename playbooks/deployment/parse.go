package deployment

import (
	"net/netip"
	"regexp"

	"netrun/inventory/diag"
	"netrun/inventory/yamlpos"
)

// maxPort is the highest port there is.
const maxPort = 65535

// Parse reads a descriptor or its annotated form, as JSON or YAML; the file is only a name for
// positions. The case of keys does not matter. The error joins all mistakes, each a *diag.Error
// with its place. The warnings are keys that mean nothing here: geard does not heed them
// either, and files of older versions have some.
func Parse(file string, text []byte) (d *Deployment, warnings []*diag.Error, err error) {
	root, err := yamlpos.Parse(file, text)
	if err != nil {
		return nil, nil, hidden(err, text)
	}
	r := &reader{}
	r.hide(root, false)
	d = r.deployment(root)
	for _, err := range twice(d.Containers) {
		r.errs.Add(err)
	}
	if err := r.errs.Err(); err != nil {
		return nil, r.warnings, err
	}
	return d, r.warnings, nil
}

// twice finds the containers whose name another one has already: links and instances say
// which container they mean by its name.
func twice(containers []Container) (errs []*diag.Error) {
	first := make(map[string]diag.Pos, len(containers))
	for _, c := range containers {
		pos, dup := first[c.Name]
		if !dup {
			first[c.Name] = c.Pos
			continue
		}
		err := diag.Errorf(c.Pos, "container %q a second time", c.Name)
		if pos.Line > 0 {
			err = err.WithHint("the first is in line %d", pos.Line)
		}
		errs = append(errs, err)
	}
	return errs
}

func (r *reader) deployment(n *yamlpos.Node) *Deployment {
	d := &Deployment{}
	r.object(n, "a deployment", fields{
		{"Containers", func(n *yamlpos.Node) { d.Containers = list(r, n, "Containers", r.container) }},
		{"Instances", func(n *yamlpos.Node) { d.Instances = list(r, n, "Instances", r.instance) }},
		{"IdPrefix", r.text("IdPrefix", &d.IDPrefix)},
		{"RandomizeIds", r.flag("RandomizeIds", &d.RandomizeIDs)},
	})
	return d
}

func (r *reader) container(n *yamlpos.Node) (c Container) {
	c.Pos = r.at(n)
	ok := r.object(n, "a container", fields{
		{"Name", r.text("Name", &c.Name)},
		{"Image", r.text("Image", &c.Image)},
		{"PublicPorts", func(n *yamlpos.Node) { c.PublicPorts = r.publicPorts(n) }},
		{"Links", func(n *yamlpos.Node) { c.Links = list(r, n, "Links", r.link) }},
		{environment, func(n *yamlpos.Node) { c.Environment = list(r, n, environment, r.variable) }},
		{"Count", r.number("Count", &c.Count, 0, maxCount)},
		{"Affinity", r.text("Affinity", &c.Affinity)},
	})
	r.wanted(ok, n, "a container", "Name")
	return c
}

// maxCount is what a Count can say; Resolve has the lower bound that is over all containers.
const maxCount = 1<<31 - 1

func (r *reader) publicPorts(n *yamlpos.Node) []Port {
	ports := list(r, n, "PublicPorts", r.port)
	r.distinct(n, len(ports), func(i int) int { return ports[i].Internal })
	return ports
}

// distinct refuses an internal port that is listed twice: a link to it would not say which is
// meant, and geard refuses it when the container is installed again.
func (r *reader) distinct(n *yamlpos.Node, count int, internal func(int) int) {
	seen := map[int]bool{}
	for i := range count {
		p := internal(i)
		if p != 0 && seen[p] {
			r.fail(n.Items[i], "internal port %d a second time", p)
		}
		seen[p] = true
	}
}

func (r *reader) port(n *yamlpos.Node) (p Port) {
	ok := r.object(n, "a port", fields{
		{"Internal", r.number("Internal", &p.Internal, 1, maxPort)},
		{"External", r.number("External", &p.External, 0, maxPort)},
	})
	r.wanted(ok, n, "a port", "Internal")
	return p
}

func (r *reader) link(n *yamlpos.Node) (l Link) {
	l.Pos = r.at(n)
	ok := r.object(n, "a link", fields{
		{"To", r.text("To", &l.To)},
		{"NonLocal", r.flag("NonLocal", &l.NonLocal)},
		{"MatchPort", r.flag("MatchPort", &l.MatchPort)},
		{"Ports", func(n *yamlpos.Node) { l.Ports = list(r, n, "Ports", r.linkPort) }},
		{"AliasPorts", func(n *yamlpos.Node) { l.AliasPorts = list(r, n, "AliasPorts", r.port) }},
	})
	r.wanted(ok, n, "a link", "To")
	return l
}

func (r *reader) linkPort(n *yamlpos.Node) (port int) {
	r.number("a port", &port, 1, maxPort)(n)
	return port
}

func (r *reader) variable(n *yamlpos.Node) (v Variable) {
	ok := r.object(n, "a variable", fields{
		{"Name", r.secret("Name", &v.Name)}, // "NAME=value" may stand there
		{"Value", r.secret("Value", &v.Value)},
	})
	if !r.wanted(ok, n, "a variable", "Name") || v.Name == "" {
		return v
	}
	if err := v.check(); err != nil {
		r.fail(n, "%v", err)
	} else if !variableName.MatchString(v.Name) {
		r.fail(n, "a name of a variable with blanks, control characters or \"=\"")
	}
	return v
}

var (
	// A line of a file of variables could not hold another name.
	variableName = regexp.MustCompile(`\A[^\s=[:cntrl:]]+\z`)
	// An id is part of paths and commands on the host, even one that is only to be removed.
	idCharacters = regexp.MustCompile(`\A[a-zA-Z0-9_\-.]+\z`)
)

func (r *reader) instance(n *yamlpos.Node) (in Instance) {
	in.Pos = r.at(n)
	ok := r.object(n, "an instance", fields{
		{"Id", r.text("Id", &in.ID)},
		{"Image", r.text("Image", &in.Image)},
		{"From", r.text("From", &in.From)},
		{"On", r.host(&in.On)},
		{"Ports", func(n *yamlpos.Node) { in.Ports = r.instancePorts(n) }},
		{environment, func(n *yamlpos.Node) { in.Environment = list(r, n, environment, r.variable) }},
	})
	if r.wanted(ok, n, "an instance", "Id") && in.ID != "" && !idCharacters.MatchString(in.ID) {
		r.fail(n, "id %q: an id has letters, digits, \"_\", \"-\" and \".\" only", in.ID)
	}
	return in
}

func (r *reader) host(to *string) func(*yamlpos.Node) {
	return func(n *yamlpos.Node) {
		r.text("On", to)(n)
		if *to == "" {
			return
		}
		if _, err := readHost(*to); err != nil {
			r.fail(n, "host %q: %v", *to, err)
		}
	}
}

func (r *reader) instancePorts(n *yamlpos.Node) []InstancePort {
	ports := list(r, n, "Ports", r.instancePort)
	r.distinct(n, len(ports), func(i int) int { return ports[i].Internal })
	return ports
}

func (r *reader) instancePort(n *yamlpos.Node) (p InstancePort) {
	ok := r.object(n, "a port of an instance", fields{
		{"Internal", r.number("Internal", &p.Internal, 1, maxPort)},
		{"External", r.number("External", &p.External, 0, maxPort)},
		{"Target", func(n *yamlpos.Node) { p.Target = r.target(n) }},
	})
	r.wanted(ok, n, "a port of an instance", "Internal")
	return p
}

func (r *reader) target(n *yamlpos.Node) (t Target) {
	ok := r.object(n, "Target", fields{
		{"Host", r.text("Host", &t.Host)},
		{"Port", r.number("Port", &t.Port, 0, maxPort)},
	})
	if !ok || !t.set() {
		return Target{}
	}
	if a, err := netip.ParseAddr(t.Host); err != nil || !a.Is4() {
		r.fail(n, "target %q is no IPv4 address", t.Host).WithHint(`such as "127.0.0.1"; take Target out to have one chosen`)
	}
	return t
}
