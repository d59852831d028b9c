package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/run"
	"netrun/inventory"
	"netrun/playbooks"
	"netrun/playbooks/deployment"
)

// DeployOptions are the flags of netrun deploy.
type DeployOptions struct {
	runOptions
	Name, With, Save, Placement, NonLocal, EnvFile, Runtime string
	Delete, Stop, Start, Restart, Status                    bool
	Variables, HostsLines, Insecure                         bool
	Settle, Timeout                                         time.Duration
}

// AddFlags adds them to the command.
func (o *DeployOptions) AddFlags(cmd *cobra.Command) {
	o.runOptions.AddFlags(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.Delete, "delete", false, "remove the instances of the file of --with")
	f.BoolVar(&o.Stop, "stop", false, "stop them")
	f.BoolVar(&o.Start, "start", false, "start them, and make their ports and links")
	f.BoolVar(&o.Restart, "restart", false, "stop and start them")
	f.BoolVar(&o.Status, "status", false, "show what they do, and change nothing")
	f.StringVar(&o.With, "with", "", "the annotated file that a deployment has written")
	f.StringVar(&o.Name, "name", "", "what the deployment is called (default the file's name without date and ending): its\ncontainers carry it, and another deployment leaves them alone")
	f.StringVar(&o.Save, "save", "", "where the annotated file goes (default DESCRIPTOR.DATE-TIME in the current directory)")
	f.StringVar(&o.Placement, "placement", "round-robin", "round-robin: deal new instances out from the first host on; spread: each to the host\nwith the fewest, heeding Affinity")
	f.StringVar(&o.NonLocal, "nonlocal", "", "first address of links that are NonLocal (default 192.168.1.1)")
	f.StringVar(&o.EnvFile, "env-file", "", "variables for every instance, NAME=VALUE in each line; they stay out of the annotated file")
	f.StringVar(&o.Runtime, "runtime", "auto", "docker or podman; auto: where a container is already, else docker where it is installed")
	f.BoolVar(&o.Variables, "variables", false, "give each instance the variables of docker run --link for what it is linked to")
	f.BoolVar(&o.HostsLines, "hosts-lines", false, "give each instance a line in its hosts file for what it is linked to")
	f.DurationVar(&o.Settle, "settle", 500*time.Millisecond, "how long a started container has to keep running")
	f.DurationVar(&o.Timeout, "fetch-timeout", 300*time.Second, "how long a descriptor may take to come from its URL")
	f.BoolVar(&o.Insecure, "insecure", false, "take a descriptor from a server whose certificate nobody vouches for")
	cmd.MarkFlagsMutuallyExclusive("delete", "stop", "start", "restart", "status")
}

// state is what is done to instances that are there, "" to deploy.
func (o *DeployOptions) state() string {
	switch {
	case o.Delete:
		return "absent"
	case o.Stop:
		return "stopped"
	case o.Start:
		return "started"
	case o.Restart:
		return "restarted"
	case o.Status:
		return "info"
	}
	return ""
}

func (a *app) deployCommand() *cobra.Command {
	o := &DeployOptions{}
	cmd := &cobra.Command{
		Use:   "deploy DESCRIPTOR [HOST|PATTERN...]",
		Short: "Place containers over hosts and link them (gear deploy)",
		Long: `Place the containers of a deployment descriptor over hosts, start them, publish
their ports and link them. The descriptor is geard's, as JSON or YAML, a file or a URL.
Without hosts it is this machine.

It is one play that stands on all hosts or on none: if an install, a link or a start goes
wrong anywhere, all of it is undone. Then the annotated descriptor is written, which
lists the instances, their hosts, ports and local addresses. Deploy that file the next
time: its instances stay where they are, what the descriptor has changed is changed.

A host that is not in the list any more may be unreachable: its instances move all the
same, and exit status 4 says that something is left there. --delete, --stop and --status
do what they can, too.`,
		Example: `  netrun deploy -i hosts.ini redis_martini_deploy.json node1 node2
  netrun deploy -i hosts.ini --check --diff mongo.yaml nodes
  netrun deploy -i hosts.ini mongo.yaml.20260102-150405 nodes      # scale, move, change
  netrun deploy -i hosts.ini --status --with mongo.yaml.20260102-150405`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.deploy(cmd.Context(), o, args) },
	}
	o.AddFlags(cmd)
	return cmd
}

func (a *app) deploy(ctx context.Context, o *DeployOptions, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	made, err := a.deployPlaybook(ctx, o, args)
	if err != nil {
		return err
	}
	return a.playMade(ctx, &o.runOptions, made)
}

// deployPlaybook makes the playbook: a play for the deployment's hosts, and one for
// hosts that left it, which may not be there any more.
func (a *app) deployPlaybook(ctx context.Context, o *DeployOptions, args []string) (*adhoc, error) {
	state := o.state()
	switch {
	case state != "" && o.With == "":
		return nil, usagef("--delete, --stop, --start, --restart and --status want --with, the annotated file of a deployment")
	case state == "" && o.With != "":
		return nil, usagef("--with goes with --delete, --stop, --start, --restart or --status; to deploy a file again, give it as the descriptor")
	case state != "" && len(args) > 0:
		return nil, usagef("--with names the hosts and instances: give no others")
	case state == "" && len(args) == 0:
		return nil, usagef("which descriptor?")
	}
	file := o.With
	if state == "" {
		file = args[0]
	}
	d := &adhoc{files: map[string][]byte{}}
	text, name, err := a.descriptorText(ctx, o, file)
	if err != nil {
		return nil, err
	}
	d.files[name] = text
	parsed, _, err := deployment.Parse(name, text)
	if err != nil {
		a.sources.Add(name, text)
		return nil, err
	}
	if o.Name == "" {
		o.Name = playbooks.DeploymentName(name)
	}
	if o.inv, err = o.load(ctx, a, "."); err != nil {
		return nil, err
	}
	hosts := exclusions(args[min(1, len(args)):])
	if len(hosts) == 0 && state == "" {
		hosts = []string{"localhost"}
	}
	d.kept = "deploy/" + o.Name
	d.prune = state == "" || state == "absent" // what guarded published ports, say
	deploying{options: o, file: name, save: o.saveTo(a, name, state), inv: o.inv}.plays(d, hosts, parsed)
	return d, nil
}

// saveTo is where the annotated file goes.
func (o *DeployOptions) saveTo(a *app, file, state string) string {
	if state != "" || o.Save != "" {
		return o.Save
	}
	return playbooks.AnnotatedName(file, a.Now())
}

// deploying writes the playbook of a deployment.
type deploying struct {
	options *DeployOptions
	file    string // the descriptor
	save    string
	inv     *inventory.Inventory
}

// plays are the deployment's own, and one for hosts that its instances leave.
func (x deploying) plays(d *adhoc, hosts []string, parsed *deployment.Deployment) {
	var on, names []string
	for _, i := range parsed.Instances {
		// A host that the inventory does not know is not contacted; loading says so.
		if h, err := deployment.ParseHost(i.On); err == nil && i.On != "" && x.knows(h.Name) && !slices.Contains(on, h.Name) {
			on = append(on, h.Name)
		}
	}
	for _, h := range hosts {
		if parsed, err := deployment.ParseHost(h); err == nil && x.knows(parsed.Name) {
			h = parsed.Name
		}
		names = append(names, h)
	}
	if x.options.state() != "" {
		x.play(d, "deploy "+x.file, on, nil, false)
		return
	}
	x.play(d, "deploy "+x.file, names, hosts, false)
	if gone := leavers(on, names); gone != "" {
		x.play(d, "instances that move", []string{gone}, hosts, true)
	}
}

// knows reports whether it is a host of the inventory, and not a pattern.
func (x deploying) knows(name string) bool { return name == "localhost" || x.inv.Host(name) != nil }

// leavers is the pattern of the hosts that have instances and are none of those named.
func leavers(on, names []string) string {
	var parts []string
	for _, h := range on {
		if !slices.Contains(names, h) {
			parts = append(parts, h)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	for _, n := range names {
		for _, part := range strings.FieldsFunc(n, func(r rune) bool { return r == ':' || r == ',' }) {
			if !strings.HasPrefix(part, "!") && !strings.HasPrefix(part, "&") {
				parts = append(parts, "!"+part)
			}
		}
	}
	return strings.Join(parts, ",")
}

// exclusions puts !PATTERN and &PATTERN to the pattern before them, of which they take away.
func exclusions(patterns []string) []string {
	var out []string
	for _, p := range patterns {
		if len(out) > 0 && (strings.HasPrefix(p, "!") || strings.HasPrefix(p, "&")) {
			out[len(out)-1] += ":" + p
			continue
		}
		out = append(out, p)
	}
	return out
}

// literal is a text for YAML in which nothing is a template.
func literal(s string) string { return quoted(strings.ReplaceAll(s, "{{", "{{ `{{` }}")) }

func (x deploying) play(d *adhoc, name string, pattern, hosts []string, partial bool) {
	o := x.options
	state := cmp.Or(o.state(), "started")
	d.line(2, "- hosts: %s", literal(strings.Join(pattern, ",")))
	d.line(0, "  name: %s", literal(name))
	switch {
	case partial:
		d.line(0, "  ignore_unreachable: true")
	case state == "started" || state == "restarted": // the rest is done as far as it can be
		d.line(0, "  any_errors_fatal: true")
	}
	d.line(0, "  tasks:")
	d.line(1, "  - deploy:")
	d.line(0, "      name: %s", literal(o.Name))
	if o.state() == "" {
		d.line(1, "      descriptor: %s", literal(x.file))
		d.line(2, "      hosts: %s", strings.ReplaceAll(jsonText(hosts), "{{", "{{ `{{` }}"))
		d.line(0, "      save: %s", literal(x.save))
	} else {
		d.line(1, "      deployed: %s", literal(x.file))
	}
	d.line(0, "      state: %s", state)
	d.line(0, "      partial: %v", partial)
	for _, a := range []struct{ name, value string }{{"placement", o.Placement}, {"nonlocal", o.NonLocal}, {"runtime", o.Runtime}, {"settle", o.Settle.String()}, {"env_file", o.EnvFile}} {
		if a.value != "" {
			d.line(0, "      %s: %s", a.name, literal(a.value))
		}
	}
	d.line(0, "      variables: %v", o.Variables)
	d.line(0, "      hosts_lines: %v", o.HostsLines)
}

// saveDeployments writes the annotated files of what stands, once all hosts have said
// which ports they gave out.
func (x *reach) saveDeployments(o *runOptions, s *site, runs []*run.Play) error {
	for _, d := range s.book.Deployments {
		stands := slices.ContainsFunc(runs, func(p *run.Play) bool {
			return p.Begin.Play == d.Play && p.Begin.Drop == "" && !p.Begin.Check && p.Stood()
		})
		if o.Check || !d.Keeps() || !stands {
			continue
		}
		for _, f := range x.all() {
			for host, exports := range f.Exports() {
				if err := d.Note(host, exports); err != nil {
					return err
				}
			}
		}
		var err error
		if missing := d.Unknown(); len(missing) > 0 {
			err = fmt.Errorf("nobody said which ports were given out for %s", strings.Join(missing, ", "))
		} else {
			err = saveDeployed(s.book.Dir, d)
		}
		if err != nil { // it stands all the same, and hosts were contacted
			x.report.Say(fmt.Sprintf("save %s: %v; it is deployed, and no file says so", d.Save, err))
			return errFailed
		}
		x.report.Say("deployed as " + d.Save + d.Hint())
		x.leftBehind(d)
	}
	return nil
}

// leftBehind names the instances that hosts have kept which could not be reached.
func (x *reach) leftBehind(d *playbooks.Deployed) {
	stats := x.report.Stats()
	for _, i := range d.Plan.Removed {
		h, err := deployment.ParseHost(i.On)
		if err == nil && stats[h.Name].Unreachable > 0 {
			x.report.Say(fmt.Sprintf("instance %s is left on %s, which was unreachable: deploy the file before this one again when it is back, or remove it by hand", i.ID, h.Name))
		}
	}
}
