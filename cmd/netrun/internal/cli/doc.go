package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"netrun/inventory/diag"
	"netrun/tasks"
	"netrun/tasks/doc"
)

func (a *app) docCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "doc [KIND]",
		Short:   "List the task kinds, or show one of them",
		Long:    "List the task kinds with a line each, or show one of them: what it does, its\narguments, an example, and what it needs and leaves.",
		Example: "  netrun doc\n  netrun doc static_ip",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return tasks.Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listKinds(a.Stdout)
			}
			return a.showKind(args[0])
		},
	}
}

func listKinds(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, name := range tasks.Names() {
		kind, _ := tasks.Lookup(name)
		fmt.Fprintf(tw, "%s\t%s\n", name, kind.Short)
	}
	return tw.Flush()
}

func (a *app) showKind(name string) error {
	kind, ok := tasks.Lookup(name)
	if !ok {
		return diag.Errorf(diag.Pos{}, "no task kind %q", name).WithHint("%s", diag.DidYouMean(name, tasks.Names()))
	}
	text := kindText(kind)
	if page, ok := doc.Page(name); ok {
		text = markdown(page, a.bold)
	}
	_, err := io.WriteString(a.Stdout, text)
	return err
}

// bold is for headings, where standard output is a terminal.
func (a *app) bold(s string) string {
	if a.Size == nil || a.Getenv("NO_COLOR") != "" {
		return s
	}
	return "\x1b[1m" + s + "\x1b[0m"
}

// kindText is what the registry knows of a kind.
func kindText(kind *tasks.Kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", kind.Name, kind.Short)
	arguments(&b, kind.Arguments(), "  ")
	return b.String()
}

func arguments(b *strings.Builder, args []tasks.Argument, indent string) {
	for _, arg := range args {
		fmt.Fprintf(b, "\n%s%s (%s)", indent, arg.Name, strings.Join(argumentWords(arg), ", "))
		if arg.Doc != "" {
			fmt.Fprintf(b, "\n%s    %s", indent, arg.Doc)
		}
		b.WriteString("\n")
		arguments(b, arg.Fields, indent+"    ")
	}
}

func argumentWords(arg tasks.Argument) []string {
	words := []string{arg.Type}
	if arg.Required {
		words = append(words, "required")
	}
	if arg.Default != "" {
		words = append(words, "default "+arg.Default)
	}
	if len(arg.Choices) > 0 {
		words = append(words, "one of "+strings.Join(arg.Choices, " "))
	}
	return words
}
