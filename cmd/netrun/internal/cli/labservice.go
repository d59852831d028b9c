package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/lab"
)

func labServiceCommand(o *labOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "service HOST SERVICE " + strings.Join(lab.ServiceVerbs(), "|"),
		Short: "Start, stop or hurt a service of a lab host",
		Long: `Start, stop or hurt a service of a lab host: docker, openvswitch, or one of the
latter's daemons, ovsdb-server and ovs-vswitchd. kill ends it without a word, as a
crash does; pause has its processes stand still, so that it takes connections and
does not answer; unpause lets them go on. Nothing restarts a service by itself.`,
		Example: "  netrun lab service node1 docker restart\n  netrun lab service node1 ovs-vswitchd pause",
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := o.open()
			if err != nil {
				return err
			}
			said, err := l.Service(cmd.Context(), args[0], args[1], args[2])
			if said != "" {
				fmt.Fprintln(cmd.OutOrStdout(), said)
			}
			return err
		},
	}
}
