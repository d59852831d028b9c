package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"netrun/tasks"
)

// LinkOptions are the flags of netrun link.
type LinkOptions struct {
	runOptions
	Links []string
	Clear bool
}

// AddFlags adds them to the command.
func (o *LinkOptions) AddFlags(cmd *cobra.Command) {
	o.runOptions.AddFlags(cmd)
	cmd.Flags().StringArrayVarP(&o.Links, "net-links", "n", nil,
		"links, with commas between them: [LOCAL_HOST:]LOCAL_PORT:REMOTE_HOST:REMOTE_PORT[/udp];\nrepeatable. They take the place of those that the container had from netrun link")
	cmd.Flags().BoolVar(&o.Clear, "clear", false, "take away the links that netrun link made")
}

func (a *app) linkCommand() *cobra.Command {
	o := &LinkOptions{}
	cmd := &cobra.Command{
		Use:   "link PATTERN CONTAINER... [-n LIST]",
		Short: "Make remote ports appear at local addresses in containers",
		Long: `Make ports of other hosts appear at local addresses inside containers: geard's
links. They work at once in a container that runs, and again whenever it starts.

A link is [LOCAL_HOST:]LOCAL_PORT:REMOTE_HOST:REMOTE_PORT, where LOCAL_HOST is 127.0.0.1
unless it is given. REMOTE_HOST is an address, a host of the inventory, a name that the
container's host resolves, localhost for that host itself, or HOST/CONTAINER: then
REMOTE_PORT is the container's own port, and the one that HOST publishes for it is
found. A link whose REMOTE_HOST or REMOTE_PORT is left out or not known is kept, and
made when it is. /udp or /sctp behind it is the protocol; IPv6 addresses stand in brackets.

Without -n it lists the links that work in the containers; netrun status has those that
wait.`,
		Example: `  netrun link -i hosts.ini node1 app1 -n 6379:10.16.138.4:50000
  netrun link -i hosts.ini node1 app1 -n 6379:node4/redisdb:6379,127.0.0.2:53:dns.example.com:53/udp
  netrun link -i hosts.ini node1 app1            # what links it has
  netrun link -i hosts.ini node1 app1 --clear`,
		Args:        cobra.MinimumNArgs(2),
		Annotations: map[string]string{worksOnHosts: "yes"},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.link(cmd.Context(), o, args[0], args[1:])
		},
	}
	o.AddFlags(cmd)
	return cmd
}

func (a *app) link(ctx context.Context, o *LinkOptions, pattern string, containers []string) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.Clear && len(o.Links) > 0 {
		return usagef("--clear and -n: one takes all links away, the other gives new ones")
	}
	for _, text := range o.Links {
		if _, err := tasks.ParseLinks(text); err != nil {
			return linkMistake(err)
		}
	}
	made := linkPlaybook(pattern, containers, o.Links)
	if len(o.Links) == 0 && !o.Clear {
		made = linksShown(pattern, containers)
	}
	return a.playMade(ctx, &o.runOptions, made)
}

// linkMistake is a mistake in -n as one of the command line.
func linkMistake(err error) error {
	var arg *tasks.ArgError
	if errors.As(err, &arg) && arg.Hint != "" {
		return usagef("-n: %s\n  %s", arg.Msg, arg.Hint)
	}
	return usagef("-n: %v", err)
}

// linkPlaybook sets the links of each container. Its argument 1 is the pattern.
func linkPlaybook(pattern string, containers, links []string) *adhoc {
	d := &adhoc{}
	d.line(1, "- hosts: %s", quoted(pattern))
	d.line(0, "  name: %s", quoted("links of "+strings.Join(containers, ", ")))
	d.line(0, "  tasks:")
	for i, c := range containers {
		d.line(0, "  - name: %s", quoted("links of "+c))
		d.line(0, "    link:")
		d.line(i+2, "      container: %s", quoted(c))
		d.line(0, "      name: %s", quoted("netrun link "+c))
		d.line(len(containers)+2, "      links: %s", jsonText(append([]string{}, links...)))
	}
	return d
}

// linksShown lists the links that the containers have.
func linksShown(pattern string, containers []string) *adhoc {
	d := &adhoc{}
	d.line(1, "- hosts: %s", quoted(pattern))
	d.line(0, "  name: %s", quoted("links of "+strings.Join(containers, ", ")))
	d.line(0, "  tasks:")
	d.line(0, "  - name: look at the containers")
	d.line(2, "    container_info: {containers: %s}", jsonText(containers))
	d.line(0, "    register: seen")
	for _, c := range containers {
		seen := fmt.Sprintf("(index .seen.containers %s)", quoted(c))
		d.line(0, "  - name: %s", quoted("links of "+c))
		d.line(0, "    debug:")
		d.line(0, "      msg: %s", quoted(fmt.Sprintf(
			`{{ if not (index %s "running") }}it does not run here{{ else }}{{ range $i, $l := index %s "links" }}{{ if $i }}, {{ end }}{{ $l }}{{ else }}no links that work; netrun status has those that wait{{ end }}{{ end }}`, seen, seen)))
	}
	return d
}
