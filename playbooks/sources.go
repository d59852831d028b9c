package playbooks

import (
	"errors"

	"netrun/tasks"
	"netrun/templates"
)

// namedArguments are the arguments by name, where a text may stand for the free one.
func namedArguments(k *tasks.Kind, args any) map[string]any {
	if m, ok := args.(map[string]any); ok {
		return m
	}
	return map[string]any{k.Free: args}
}

// fills reads the files of the controller that the task names. known is false
// where a content depends on the host.
func (b *binding) fills(task tasks.Task, args any) (fills []templates.Value, known bool) {
	s, ok := task.(tasks.Sourcer)
	if !ok {
		return nil, true
	}
	if m := namedArguments(b.task.kind, args); hasTemplate(m["src"]) {
		b.argumentErrors(tasks.Wrong("src", "the file must be known before the host is contacted").WithHint("write the cases out, each with its when"))
		return nil, false
	}
	known = true
	for i, source := range s.Sources() {
		v, err := b.fill(source)
		if err != nil {
			b.argumentErrors(err)
			return nil, false
		}
		fills = append(fills, templates.Value{V: v})
		if text, ok := v.(string); ok {
			s.Fill(i, []byte(text))
		} else {
			known = false
		}
	}
	return fills, known
}

func hasTemplate(v any) bool {
	_, ok := v.(*templates.Template)
	return ok
}

func (b *binding) fill(source tasks.Source) (any, error) {
	files := b.play.book.files
	sort := "files"
	if source.Template {
		sort = "templates"
	}
	path, found := files.find(b.task.dirs, sort, source.Path)
	if !found {
		_, err := files.text(path)
		e := tasks.Wrong(source.Arg, "no file %q on this machine: %v", source.Path, errors.Unwrap(err))
		return nil, e.WithHint("looked for it as %s, among others", path)
	}
	if !source.Template {
		text, err := files.text(path)
		return string(text), err
	}
	t, err := files.templateFile(path)
	if err != nil {
		return nil, err
	}
	if b.runtimeRefs(t.Refs()) {
		b.checkRefs(t.Required())
		b.need(t.Refs(), t.Words())
		return t, nil
	}
	return t.Text(b.scope)
}
