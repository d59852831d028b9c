package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// connectOptions are the flags of all verbs that contact hosts.
type connectOptions struct {
	inventoryOptions
	Limit          string
	Forks          int
	User           string
	AskPassword    bool
	Become         bool
	BecomeMethod   string
	BecomeUser     string
	AskBecome      bool
	Timeout        time.Duration
	AcceptNew      bool
	PrivateKey     string
	SSHConfig      string
	KnownHosts     string
	JSON           bool
	NoColor        bool
	Verbose        int
	becomePassword string // asked for once
}

// AddFlags adds them to the command.
func (o *connectOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	o.addFlags(f)
	f.StringVarP(&o.Limit, "limit", "l", "", "work only on those hosts that match this pattern too")
	f.IntVarP(&o.Forks, "forks", "f", 64, "hosts to connect to at once")
	f.StringVarP(&o.User, "user", "u", "", "log in as this user, where the inventory names none")
	f.BoolVarP(&o.AskPassword, "ask-pass", "k", false, "ask for the SSH password, once for all hosts")
	f.BoolVarP(&o.Become, "become", "b", false, "work as another user (root)")
	f.StringVar(&o.BecomeMethod, "become-method", "", "how to become that user: sudo, su or doas (default sudo)")
	f.StringVar(&o.BecomeUser, "become-user", "", "the user to become (default root)")
	f.BoolVarP(&o.AskBecome, "ask-become-pass", "K", false, "ask for the password of becoming, once for all hosts")
	o.Timeout = 10 * time.Second
	f.VarP((*seconds)(&o.Timeout), "timeout", "T", "how long to try to connect to a host: 30s, or seconds")
	f.BoolVar(&o.AcceptNew, "accept-new", false, "accept unknown host keys, and add them to known_hosts")
	f.StringVar(&o.PrivateKey, "private-key", "", "log in with this key, where the inventory names none")
	f.StringVar(&o.SSHConfig, "ssh-config", "", "SSH client configuration (default ~/.ssh/config and /etc/ssh/ssh_config)")
	f.StringVar(&o.KnownHosts, "known-hosts", "", "known host keys (default ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts)")
	f.BoolVar(&o.JSON, "json", false, "print one JSON event a line")
	f.BoolVar(&o.NoColor, "no-color", false, "print no colours (also $NO_COLOR)")
	f.CountVarP(&o.Verbose, "verbose", "v", "show what tasks register, and how long they take")
	markWorksOnHosts(cmd)
}

func markWorksOnHosts(cmd *cobra.Command) {
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[worksOnHosts] = "yes"
}

// check refuses values that no host should be bothered with.
func (o *connectOptions) check() error {
	switch {
	case o.Forks < 1:
		return usagef("--forks %d: at least 1", o.Forks)
	case o.Timeout <= 0:
		return usagef("--timeout %s: more than 0", o.Timeout)
	}
	switch o.BecomeMethod {
	case "", "sudo", "su", "doas":
		return nil
	}
	return usagef("--become-method %q: want sudo, su or doas", o.BecomeMethod)
}

// seconds is a flag that takes 1m30s, and a number for seconds as Ansible does.
type seconds time.Duration

// Set implements pflag.Value.
func (s *seconds) Set(text string) error {
	d, err := parseSeconds(text)
	*s = seconds(d)
	return err
}

// String implements pflag.Value.
func (s *seconds) String() string { return time.Duration(*s).String() }

// Type implements pflag.Value.
func (s *seconds) Type() string { return "duration" }

func parseSeconds(text string) (time.Duration, error) {
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no time: write 30s, 2m or a number of seconds", text)
	}
	return d, nil
}
