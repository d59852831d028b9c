package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/pipework"
)

// PipeworkOptions are the flags of netrun pipework.
type PipeworkOptions struct {
	runOptions
	Print bool
	As    string
}

// AddFlags adds them to the command.
func (o *PipeworkOptions) AddFlags(cmd *cobra.Command) {
	o.runOptions.AddFlags(cmd)
	cmd.Flags().BoolVar(&o.Print, "print", false, "print the tasks that the command line stands for, and run nothing")
	cmd.Flags().StringVar(&o.As, "as", "", "what the host's interface is: bridge or macvlan (on top of it); unset, its name tells")
}

func (a *app) pipeworkCommand() *cobra.Command {
	o := &PipeworkOptions{}
	cmd := &cobra.Command{
		Use:   "pipework PATTERN -- WORD...",
		Short: "Run pipework's own command line on hosts",
		Long: `Run pipework's own command line on the hosts of a pattern, as a task that is
journaled, verified, confirmed and undone like any other. pipework's words stand
behind the dashes:

  ` + strings.ReplaceAll(pipework.Usage, "\n", "\n  ") + `

What pipework asked the host, the interface's name tells: br0, ovsbr0, docker0,
virbr0 and the like are bridges (Linux's or Open vSwitch's, as the host has it),
dummy0 a dummy link, ib0 InfiniBand, and anything else a network card, on top of
which a macvlan is made. --as says it where the name is misleading.
The second call changes what differs, and nothing else; --print shows the tasks.`,
		Example: `  netrun pipework -i hosts.ini web -- br1 -i eth2 web 192.168.1.10/24@192.168.1.1
  netrun pipework -i hosts.ini web -- eth2 web 10.0.0.2/24 @20
  netrun pipework -i hosts.ini web --print -- --direct-phys mac:00:f3:15:4a:42:c8 web dhcp`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.pipework(cmd.Context(), o, args, cmd.ArgsLenAtDash())
		},
	}
	o.AddFlags(cmd)
	return cmd
}

func (a *app) pipework(ctx context.Context, o *PipeworkOptions, args []string, dash int) error {
	if err := o.check(); err != nil {
		return err
	}
	if dash != 1 {
		return usagef("one pattern of hosts is wanted, and pipework's own words behind dashes: netrun pipework web -- br1 web 192.168.1.10/24")
	}
	if o.As != "" && o.As != string(pipework.Bridge) && o.As != string(pipework.Macvlan) {
		return usagef("--as %s: bridge or macvlan is wanted", o.As)
	}
	list, err := pipework.Parse(args[1:], pipework.Way(o.As))
	var mistake *pipework.Error
	if errors.As(err, &mistake) {
		return usagef("word %d: %s", mistake.At+1, mistake.Msg)
	}
	if err != nil {
		return err
	}
	made := pipeworkPlaybook(args[0], list)
	if o.Print {
		_, err := fmt.Fprintln(a.Stdout, strings.Join(made.tasks(), "\n"))
		return err
	}
	return a.playMade(ctx, &o.runOptions, made)
}

// pipeworkPlaybook makes the playbook. Its places are the words behind the dashes.
func pipeworkPlaybook(pattern string, list []pipework.Task) *adhoc {
	d := &adhoc{word: "word"}
	d.line(0, "- hosts: %s", quoted(pattern))
	d.line(0, "  name: pipework")
	d.line(0, "  tasks:")
	for _, t := range list {
		d.line(1, "  - %s:", t.Kind)
		for _, arg := range t.Args {
			d.line(arg.At+1, "      %s: %s", arg.Name, plain(arg.Value))
		}
	}
	return d
}

// tasks are the tasks alone, as they would stand in a playbook.
func (d *adhoc) tasks() []string {
	var out []string
	for _, line := range d.text[3:] {
		out = append(out, strings.TrimPrefix(line, "  "))
	}
	return out
}

// harmless are texts that YAML reads as they are.
var harmless = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*$|^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+(/[0-9]+)?$`)

// plain is a value for YAML, without quotes where a person would write none.
func plain(value any) string {
	text, ok := value.(string)
	if ok && harmless.MatchString(text) && !map[string]bool{"true": true, "false": true, "yes": true, "no": true, "on": true, "off": true,
		"null": true, "y": true, "n": true}[strings.ToLower(text)] {
		return text
	}
	return jsonText(value)
}
