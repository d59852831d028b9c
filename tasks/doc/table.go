package doc

import (
	"fmt"
	"strings"

	"netrun/tasks"
)

// Table is the Markdown table of a kind's arguments.
func Table(k *tasks.Kind) string {
	args := k.Arguments()
	if len(args) == 0 {
		return "It takes no arguments.\n"
	}
	var b strings.Builder
	b.WriteString("| argument | type | default | what it is |\n| --- | --- | --- | --- |\n")
	rows(&b, "", args)
	if k.Free != "" {
		fmt.Fprintf(&b, "\nA bare text, `%s: ...`, is `%s`.\n", k.Name, k.Free)
	}
	return b.String()
}

func rows(b *strings.Builder, before string, args []tasks.Argument) {
	for _, a := range args {
		name := before + a.Name
		if a.Name == "" {
			name = "any name"
		} else {
			name = "`" + name + "`"
		}
		value := "`" + a.Default + "`"
		switch {
		case a.Required:
			value = "required"
		case a.Default == "":
			value = ""
		}
		kind := a.Type
		if len(a.Choices) > 0 {
			kind = strings.Join(a.Choices, ", ")
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, kind, value, strings.ReplaceAll(a.Doc, "|", "\\|"))
		rows(b, before+a.Name+"[].", a.Fields)
	}
}
