// Package stock holds templates that come with netrun: static routes in the words of
// routers that are not Linux hosts. It knows no inventory and no tasks.
//
// They see routes, a list of maps with the keys host (the node's name, "" where there is
// none), to (11.11.1.0/24), via, dev ("" where unset), distance (0 where unset) and family
// (4 or 6); absent, which is true where the lines are to take the routes away; ipv4 and
// ipv6, whether there is a route of that family.
package stock

import (
	"embed"
	"strings"
)

//go:embed *.tmpl
var files embed.FS

// Names lists the templates, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // the folder is embedded
	}
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), ".tmpl"))
	}
	return out
}

// Text is the template of that name; "" if there is none.
func Text(name string) string {
	text, err := files.ReadFile(name + ".tmpl")
	if err != nil {
		return ""
	}
	return string(text)
}
