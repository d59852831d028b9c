package cli

import (
	"fmt"
	"maps"
	"runtime"
	"slices"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of netrun and of the helpers in it",
		Long: `Show the version of netrun and of the helpers in it: for each architecture the
beginning of the helper's sha256, which is also in its name on the hosts.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.version() },
	}
}

func (a *app) version() error {
	if _, err := fmt.Fprintf(a.Stdout, "netrun %s (%s) %s %s/%s\n", orUnknown(a.Version), short(orUnknown(a.Commit), 12),
		runtime.Version(), runtime.GOOS, runtime.GOARCH); err != nil {
		return err
	}
	hashes := a.Helpers.Hashes()
	for _, arch := range slices.Sorted(maps.Keys(hashes)) {
		if _, err := fmt.Fprintf(a.Stdout, "helper linux/%s %s\n", arch, short(hashes[arch], 16)); err != nil {
			return err
		}
	}
	if len(hashes) == 0 {
		_, err := fmt.Fprintln(a.Stdout, "no helpers: built without make, so that no host can be worked on")
		return err
	}
	return nil
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func short(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
