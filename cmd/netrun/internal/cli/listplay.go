package cli

import (
	"bufio"
	"fmt"
	"strings"

	"netrun/playbooks"
)

// list prints what --list-hosts, --list-tasks and --list-tags ask for.
func (a *app) list(s *site, o *PlayOptions) error {
	first := 0
	if o.StartAt != "" {
		at, err := s.book.StartAt(o.StartAt)
		if err != nil {
			return err
		}
		first = at
	}
	w := bufio.NewWriter(a.Stdout)
	fmt.Fprintf(w, "playbook: %s\n", s.book.File)
	for i, p := range s.book.Plays {
		if i < first {
			continue
		}
		options := playbooks.CompileOptions{Tags: o.Tags, SkipTags: o.SkipTags}
		if i == first {
			options.StartAt = o.StartAt
		}
		fmt.Fprintf(w, "\n  play #%d (%s): %s\n", i+1, p.Hosts.Value, p.Name)
		if o.ListHosts {
			hosts, err := s.match(p, &o.runOptions, o.given(a))
			if err != nil {
				return err
			}
			listed(w, fmt.Sprintf("hosts (%d)", len(hosts)), hostNames(hosts))
		}
		if o.ListTasks {
			listed(w, "tasks", taskLines(p.List(options)))
		}
		if o.ListTags {
			fmt.Fprintf(w, "    tags: [%s]\n", strings.Join(p.AllTags(), ", "))
		}
	}
	return w.Flush()
}

func listed(w *bufio.Writer, title string, lines []string) {
	fmt.Fprintf(w, "    %s:\n", title)
	for _, l := range lines {
		fmt.Fprintf(w, "      %s\n", l)
	}
}

func taskLines(tasks []playbooks.Listed) []string {
	out := make([]string, len(tasks))
	for i, t := range tasks {
		out[i] = fmt.Sprintf("%s  tags: [%s]", t.Name, strings.Join(t.Tags, ", "))
	}
	return out
}
