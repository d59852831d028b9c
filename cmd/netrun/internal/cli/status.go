package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/report"
	"netrun/remote-helper/wire"
)

// StatusOptions are the flags of netrun status and netrun verify.
type StatusOptions struct{ connectOptions }

func (a *app) statusCommand() *cobra.Command {
	o := &StatusOptions{}
	cmd := &cobra.Command{
		Use:   "status [PATTERN]",
		Short: "Show what playbooks keep on hosts, and how it stands",
		Long: `Show what playbooks keep on hosts, and how it stands: present, deferred (it waits
for a container, or something else that is not there), drifted (something else has
changed it) or failed. What is present is counted, and listed with -v.`,
		Example: "  netrun status -i hosts.ini nodes",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := a.status(cmd.Context(), o, append(args, "all")[0])
			return err
		},
	}
	o.AddFlags(cmd)
	return cmd
}

func (a *app) verifyCommand() *cobra.Command {
	o := &StatusOptions{}
	cmd := &cobra.Command{
		Use:   "verify [PATTERN]",
		Short: "Check that hosts are as their playbooks want them",
		Long: `Check that hosts are as their playbooks want them: read everything anew, as netrun
status does, and compare the hosts with each other. What has drifted or failed, and
an address that containers of two hosts have, is a failure (exit code 2).`,
		Example: "  netrun verify -i hosts.ini docker_hosts",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verify(cmd.Context(), o, append(args, "all")[0])
		},
	}
	o.AddFlags(cmd)
	return cmd
}

// status prints how the hosts stand, and gives it back.
func (a *app) status(ctx context.Context, o *StatusOptions, pattern string) (map[string]*wire.Standing, error) {
	q := question{pattern, wire.Request{Status: &wire.Status{}}}
	x, answers, err := a.askHosts(ctx, &o.connectOptions, q, report.Config{Out: a.Stderr})
	if err != nil {
		return nil, err
	}
	defer x.close()
	standing := map[string]*wire.Standing{}
	for _, h := range slices.Sorted(maps.Keys(answers)) {
		s := answers[h].Standing
		if s == nil {
			continue
		}
		standing[h] = s
		if !o.JSON {
			if err := printStanding(a.Stdout, h, s, o.Verbose > 0, a.Now()); err != nil {
				return nil, err
			}
		}
	}
	return standing, x.result()
}

// printStanding is a line for the host, and one for each object that is not as it should be.
func printStanding(out io.Writer, host string, s *wire.Standing, all bool, now time.Time) error {
	counts := map[string]int{}
	for _, o := range s.Objects {
		counts[o.State]++
	}
	line := "nothing is kept"
	if len(s.Objects) > 0 {
		var parts []string
		for _, state := range []string{"present", "deferred", "drifted", "failed"} {
			if counts[state] > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", counts[state], state))
			}
		}
		line = strings.Join(parts, ", ") + fmt.Sprintf("; at boot: %s, watch: %s", cmp.Or(safe(s.Restore), "unknown"), cmp.Or(safe(s.Watch), "unknown"))
	}
	fmt.Fprintf(out, "%s: %s\n", host, line)
	for _, p := range s.Problems {
		fmt.Fprintf(out, "  problem: %s\n", safe(p))
	}
	tw := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, o := range s.Objects {
		if o.State == "present" && !all {
			continue
		}
		repair := ""
		if o.Repair {
			repair = ", repaired"
		}
		// What is wrong comes last: it can be long, and no other column is to stand behind that.
		line := fmt.Sprintf("  %s\t%s\t%s, %s ago%s", safe(o.State), safe(o.Object), safe(place(o)), age(now.Sub(o.Since)), repair)
		if o.Detail != "" {
			line += "\t" + safe(o.Detail)
		}
		fmt.Fprintln(tw, line)
	}
	return tw.Flush()
}

func place(o wire.Standpoint) string {
	if o.Playbook == adhocName || strings.HasPrefix(o.At, adhocFile) {
		return o.Playbook + " " + o.Task
	}
	return cmp.Or(o.At, o.Playbook)
}

// age is a time to the precision that people want.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func (a *app) verify(ctx context.Context, o *StatusOptions, pattern string) error {
	standing, err := a.status(ctx, o, pattern)
	if standing == nil || err != nil && !isSaid(err) {
		return err
	}
	bad := false
	for _, line := range twins(standing) {
		bad = true
		fmt.Fprintln(a.Stderr, line)
	}
	for _, s := range standing {
		bad = bad || joined(s) && len(s.Problems) > 0 || slices.ContainsFunc(s.Objects, func(o wire.Standpoint) bool { return o.State == "drifted" || o.State == "failed" })
	}
	if err == nil && bad {
		return errFailed
	}
	return err
}

// twins are addresses that containers of several hosts have. Hosts that keep no tunnel
// are on networks of their own, where Docker gives out the same ones everywhere.
func twins(standing map[string]*wire.Standing) []string {
	owners := map[string][]string{}
	for _, h := range slices.Sorted(maps.Keys(standing)) {
		s := standing[h]
		if !joined(s) {
			continue
		}
		for _, c := range s.Containers {
			for _, address := range c.Addresses {
				bare, _, _ := strings.Cut(address, "/")
				owners[bare] = append(owners[bare], h+" ("+c.Name+")")
			}
		}
	}
	var out []string
	for _, address := range slices.Sorted(maps.Keys(owners)) {
		if at := owners[address]; len(at) > 1 {
			out = append(out, fmt.Sprintf("address %s is that of containers on %s: start one of them anew, or give each host its own range (ipam)", address, safe(strings.Join(at, " and "))))
		}
	}
	return out
}

// joined reports whether the host's containers share a network with those of others.
func joined(s *wire.Standing) bool {
	return slices.ContainsFunc(s.Objects, func(o wire.Standpoint) bool { return o.Tunnel })
}
