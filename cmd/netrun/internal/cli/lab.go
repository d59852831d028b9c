package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"netrun/cmd/netrun/internal/lab"
)

// labOptions are the flags that all lab verbs share.
type labOptions struct {
	name string
	dir  string
	json bool
}

func (o *labOptions) addFlags(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&o.name, "name", "default", "what the lab is called")
	cmd.PersistentFlags().StringVar(&o.dir, "dir", "", "state directory (default netrun/lab/NAME in the user's cache directory)")
}

// path returns the state directory.
func (o *labOptions) path() (string, error) {
	if o.dir != "" {
		return o.dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w (give --dir)", err)
	}
	return lab.DefaultDir(cache, o.name)
}

// flags returns what leads another command to the same lab.
func (o *labOptions) flags() string {
	if o.dir != "" {
		return "--dir " + o.dir
	}
	return "--name " + o.name
}

func (o *labOptions) open() (*lab.Lab, error) {
	dir, err := o.path()
	if err != nil {
		return nil, err
	}
	return lab.Open(dir)
}

// labCommand returns the verb lab. "lab init" below it is how a lab host's
// first process is started and must stay reachable under that name.
func labCommand() *cobra.Command {
	o := &labOptions{}
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Make throwaway Linux hosts on this machine",
		Long: `Make throwaway Linux hosts on this machine: each one has its own network, mount,
pid and uts namespace, an overlay of this machine's root, an sshd with its own
host key, eth0 for management and further interfaces on switches of the lab.
Needs Linux and root. The hosts share this machine's kernel and devices.`,
	}
	o.addFlags(cmd)
	cmd.AddCommand(labUpCommand(o), labDownCommand(o), labStatusCommand(o), labExecCommand(o), labServiceCommand(o), labInitCommand())
	return cmd
}

// labUpOptions are the flags of lab up.
type labUpOptions struct {
	*labOptions
	hosts    int
	topology string
	from     []string
	subnet   string
	fabric   string
	root     string
	tmpfs    string
	services []string
	replace  bool
	verbose  bool
}

func labUpCommand(base *labOptions) *cobra.Command {
	o := &labUpOptions{labOptions: base}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring a lab up",
		Long: `Bring a lab up and wait until every sshd listens and every service answers. The state directory then holds
inventory.yaml, known_hosts, id_ed25519 and ssh_config. What a killed "lab up" of
the same name left behind is removed first.`,
		Example: `  netrun lab up --hosts 10
  netrun lab up --topology site.topology.yaml
  netrun lab up --from inventory.ini --name rehearsal
  netrun lab up --services docker,podman,openvswitch
  ssh -F ~/.cache/netrun/lab/default/ssh_config node1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.hosts, "hosts", 3, "number of hosts, node1 and up, where no file names them")
	f.StringVar(&o.topology, "topology", "", "YAML file of hosts, routers and switches")
	f.StringArrayVar(&o.from, "from", nil, "inventory: one lab host for each of its hosts (repeatable)")
	f.StringVar(&o.subnet, "subnet", "", "management subnet (default a free 10.x.y.0/24)")
	f.StringVar(&o.fabric, "fabric", lab.DefaultFabric.String(), `addresses of eth1 where no file names them, or "none"`)
	f.StringVar(&o.root, "root", "", `"busybox": hosts with no commands but busybox and sshd`)
	f.StringVar(&o.tmpfs, "tmpfs-root", "", "keep the hosts' changes in memory, at most this much each (64m)")
	f.StringSliceVar(&o.services, "services", nil, "what every host runs beside sshd, of "+strings.Join(lab.Services(), ", "))
	f.BoolVar(&o.replace, "replace", false, "take down a running lab of the same name first")
	f.BoolVar(&o.json, "json", false, "print paths and hosts as JSON")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "say what is being cleaned up")
	cmd.MarkFlagsMutuallyExclusive("topology", "from", "hosts")
	return cmd
}

func (o *labUpOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	cfg, err := o.config(ctx, stderr)
	if err != nil {
		return err
	}
	l, err := lab.Up(ctx, cfg)
	if errors.Is(err, lab.ErrUp) {
		return fmt.Errorf("%w (netrun lab down %s, or --replace)", err, o.flags())
	}
	if err != nil {
		return err
	}
	if o.json {
		return printLabJSON(stdout, l)
	}
	_, err = fmt.Fprintf(stdout, "lab %s is up, hosts: %d, management %s\n  inventory   %s\n  ssh         ssh -F %s %s\n  take down   netrun lab down %s\n",
		l.Name(), len(l.Hosts()), l.Subnet(), l.Inventory(), l.SSHConfig(), l.Hosts()[0].Name, o.flags())
	return err
}

func (o *labUpOptions) config(ctx context.Context, stderr io.Writer) (lab.Config, error) {
	dir, err := o.path()
	if err != nil {
		return lab.Config{}, err
	}
	cfg := lab.Config{Name: o.name, Dir: dir, Replace: o.replace}
	if o.verbose {
		cfg.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if o.subnet != "" {
		if cfg.Subnet, err = netip.ParsePrefix(o.subnet); err != nil {
			return cfg, fmt.Errorf("--subnet %q: want a prefix such as 10.213.0.0/24", o.subnet)
		}
	}
	cfg.Topology, err = o.hostsWanted(ctx)
	if err != nil {
		return cfg, err
	}
	return cfg, o.overrides(cfg.Topology)
}

func (o *labUpOptions) hostsWanted(ctx context.Context) (*lab.Topology, error) {
	fabric, err := o.fabricPrefix()
	if err != nil {
		return nil, err
	}
	switch {
	case o.topology != "":
		return lab.ReadTopology(o.topology)
	case len(o.from) > 0:
		return lab.FromInventory(ctx, o.from, fabric)
	}
	return lab.Flat(o.hosts, fabric), nil
}

func (o *labUpOptions) fabricPrefix() (netip.Prefix, error) {
	if o.fabric == "none" {
		return netip.Prefix{}, nil
	}
	p, err := netip.ParsePrefix(o.fabric)
	if err != nil {
		return p, fmt.Errorf(`--fabric %q: want a prefix such as %s, or "none"`, o.fabric, lab.DefaultFabric)
	}
	return p, nil
}

// overrides applies the flags that speak of every host.
func (o *labUpOptions) overrides(t *lab.Topology) error {
	if o.root != "" && o.root != "busybox" {
		return fmt.Errorf(`--root %q: want "busybox"`, o.root)
	}
	for i := range t.Hosts {
		if o.root == "busybox" {
			t.Hosts[i].Busybox = true
		}
		if o.tmpfs != "" {
			t.Hosts[i].TmpfsRoot = o.tmpfs
		}
		for _, s := range o.services {
			if !slices.Contains(t.Hosts[i].Services, s) {
				t.Hosts[i].Services = append(t.Hosts[i].Services, s)
			}
		}
	}
	return nil
}

func labDownCommand(o *labOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Take a lab down and remove all it made",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := o.open()
			if errors.Is(err, lab.ErrNoLab) {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "no lab %s: nothing to take down\n", o.name)
				return err
			}
			if err != nil {
				return err
			}
			if err := l.Down(cmd.Context()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "lab %s is down\n", l.Name())
			return err
		},
	}
}

func labStatusCommand(o *labOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show a lab's hosts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := o.open()
			if err != nil {
				return err
			}
			if o.json {
				return printLabJSON(cmd.OutOrStdout(), l)
			}
			return printLabTable(cmd.OutOrStdout(), l)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print paths and hosts as JSON")
	return cmd
}

func printLabTable(w io.Writer, l *lab.Lab) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "HOST\tSTATE\tADDRESS\tPID\tFABRIC\tNETNS")
	for _, h := range l.Hosts() {
		state, pid := "down", "-"
		if h.Up {
			state, pid = "up", fmt.Sprint(h.Pid)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", h.Name, state, h.Addr, pid, h.Fabric(), h.Netns)
	}
	return tw.Flush()
}

// labJSON is what lab up --json and lab status --json print.
type labJSON struct {
	Name       string       `json:"name"`
	ID         string       `json:"id"`
	Dir        string       `json:"dir"`
	Inventory  string       `json:"inventory"`
	KnownHosts string       `json:"known_hosts"`
	Identity   string       `json:"identity"`
	SSHConfig  string       `json:"ssh_config"`
	Subnet     netip.Prefix `json:"subnet"`
	Gateway    netip.Addr   `json:"gateway"` // this machine's address on the management network
	Hosts      []lab.Host   `json:"hosts"`
}

func printLabJSON(w io.Writer, l *lab.Lab) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(labJSON{
		Name: l.Name(), ID: l.ID(), Dir: l.Dir(), Inventory: l.Inventory(), KnownHosts: l.KnownHosts(),
		Identity: l.Identity(), SSHConfig: l.SSHConfig(), Subnet: l.Subnet(), Gateway: l.Subnet().Addr().Next(), Hosts: l.Hosts(),
	})
}

func labExecCommand(o *labOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec HOST -- COMMAND [ARGUMENT...]",
		Short: "Run a command on a lab host, without SSH",
		Long: `Run a command in the namespaces and root of a lab host, with this process's
streams. It works while the host's network does not. The exit status is the
command's.`,
		Example: "  netrun lab exec node1 -- ip -d address",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := o.open()
			if err != nil {
				return err
			}
			host, argv := args[0], args[1:]
			if argv[0] == "--" { // flags ended before it
				argv = argv[1:]
			}
			return l.Run(cmd.Context(), host, lab.Command{
				Argv: argv, Env: labEnv(), Stdin: cmd.InOrStdin(), Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr(),
			})
		},
	}
	// "lab exec node1 ip -d address" works as well: flags end at the host.
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// labEnv passes on what a terminal program needs.
func labEnv() []string {
	if term, ok := os.LookupEnv("TERM"); ok {
		return []string{"TERM=" + term}
	}
	return nil
}

func labInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "init",
		Short:  "The first process of a lab host",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return lab.Init() },
	}
}
