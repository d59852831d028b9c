package yamlpos

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"netrun/inventory/diag"
)

// converter makes Nodes of the parser's nodes. A node that several aliases name
// is converted once, so a text of aliases of aliases costs no more than its own
// length; what it would be when expanded is counted.
type converter struct {
	file string
	errs diag.List
	done map[*yaml.Node]*Node // anchored nodes
	open map[*yaml.Node]bool  // anchored nodes whose content is being converted
	most int                  // nodes, aliases expanded
	over bool                 // a bound was exceeded and reported
}

func (c *converter) pos(y *yaml.Node) diag.Pos {
	return diag.Pos{File: c.file, Line: y.Line, Col: y.Column}
}

func (c *converter) fail(y *yaml.Node, format string, a ...any) *diag.Error {
	e := diag.Errorf(c.pos(y), format, a...)
	c.errs.Add(e)
	return e
}

// node converts y and what is below it. It returns a null where it reports an
// error, never nil.
func (c *converter) node(y *yaml.Node, depth int) *Node {
	if c.over {
		return c.null(y)
	}
	if depth > MaxDepth {
		return c.exceeded(y, "nested more than %d levels deep", MaxDepth)
	}
	if y.Kind == yaml.AliasNode {
		return c.alias(y, depth)
	}
	if n, ok := c.done[y]; ok {
		return n
	}
	if y.Anchor != "" {
		c.open[y] = true
		defer delete(c.open, y)
	}
	n := c.content(y, depth)
	if y.Anchor != "" {
		c.done[y] = n
	}
	return n
}

func (c *converter) null(y *yaml.Node) *Node {
	return &Node{Kind: Scalar, Pos: c.pos(y), size: 1}
}

func (c *converter) exceeded(y *yaml.Node, format string, a ...any) *Node {
	c.fail(y, format, a...)
	c.over = true
	return c.null(y)
}

func (c *converter) alias(y *yaml.Node, depth int) *Node {
	if c.open[y.Alias] {
		c.fail(y, "alias *%s stands inside the value that it repeats", y.Value)
		return c.null(y)
	}
	n := c.node(y.Alias, depth)
	if depth+n.height > MaxDepth {
		return c.exceeded(y, "alias *%s nests more than %d levels deep", y.Value, MaxDepth)
	}
	return n
}

func (c *converter) content(y *yaml.Node, depth int) *Node {
	n := &Node{Pos: c.pos(y), size: 1}
	switch y.Kind {
	case yaml.MappingNode:
		n.Kind = Mapping
		c.checkTag(y, "!!map")
		c.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.Kind = Sequence
		c.checkTag(y, "!!seq")
		n.Items = make([]*Node, 0, len(y.Content))
		for _, item := range y.Content {
			n.Items = append(n.Items, c.child(n, item, depth))
		}
	default:
		n.Kind = Scalar
		c.scalar(n, y)
	}
	return n
}

// child converts a part of n and adds its size and height to n's.
func (c *converter) child(n *Node, y *yaml.Node, depth int) *Node {
	v := c.node(y, depth+1)
	n.size += v.size
	n.height = max(n.height, v.height+1)
	if n.size > c.most && !c.over {
		return c.exceeded(y, "aliases expand to more than %d values", MaxExpanded)
	}
	return v
}

func (c *converter) mapping(n *Node, y *yaml.Node, depth int) {
	seen := make(map[string]*Node, len(y.Content)/2)
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if key.Tag == "!!merge" {
			merges = append(merges, value)
			continue
		}
		if k := c.key(key); k != nil && c.fresh(seen, k) {
			n.Keys = append(n.Keys, k)
			n.Values = append(n.Values, c.child(n, value, depth))
			n.size++
		}
	}
	for _, m := range merges {
		c.merge(n, m, seen, depth)
	}
}

// key returns a mapping's key, or nil after reporting that it cannot be one.
func (c *converter) key(y *yaml.Node) *Node {
	if y.Kind == yaml.AliasNode && y.Alias.Kind == yaml.ScalarNode {
		y = y.Alias
	}
	if y.Kind == yaml.MappingNode && y.Style&yaml.FlowStyle != 0 {
		c.fail(y, "a mapping as the key of a mapping").WithHint(`put quotes around a template: "{{ .name }}"`)
		return nil
	}
	if y.Kind != yaml.ScalarNode {
		c.fail(y, "a key that is not text")
		return nil
	}
	quoted := y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0
	if y.Value == "" && !quoted {
		c.fail(y, "a key without a name")
		return nil
	}
	return &Node{Kind: Scalar, Pos: c.pos(y), Value: y.Value, Raw: y.Value, Quoted: quoted, size: 1}
}

func (c *converter) fresh(seen map[string]*Node, k *Node) bool {
	if first, dup := seen[k.Raw]; dup {
		c.errs.Add(diag.Errorf(k.Pos, "key %q a second time", k.Raw).WithHint("the first is in line %d", first.Pos.Line))
		return false
	}
	seen[k.Raw] = k
	return true
}

// merge adds the entries of a merge key's mappings that n lacks: n's own win, and
// earlier mappings win over later ones.
func (c *converter) merge(n *Node, y *yaml.Node, seen map[string]*Node, depth int) {
	from := c.node(y, depth+1)
	maps := []*Node{from}
	if from.Kind == Sequence {
		maps = from.Items
	}
	for _, m := range maps {
		if m.Kind != Mapping {
			c.fail(y, "merge key << takes a mapping or a list of mappings, not %s", m.What())
			return
		}
		for i, k := range m.Keys {
			if seen[k.Raw] != nil {
				continue
			}
			seen[k.Raw] = k
			n.Keys, n.Values = append(n.Keys, k), append(n.Values, m.Values[i])
			n.size += 1 + m.Values[i].size
			n.height = max(n.height, m.Values[i].height+1)
		}
	}
	if n.size > c.most && !c.over {
		c.exceeded(y, "aliases expand to more than %d values", MaxExpanded)
	}
}

func (c *converter) scalar(n *Node, y *yaml.Node) {
	n.Raw = y.Value
	n.Quoted = y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	n.Value = any(y.Value)
	switch {
	case y.Style&yaml.TaggedStyle != 0:
		n.Tag = y.Tag
		c.tagged(n, y)
	case !n.Quoted:
		n.Value = Plain(y.Value)
	}
}

// tagged types a scalar by its explicit tag.
func (c *converter) tagged(n *Node, y *yaml.Node) {
	v := Plain(y.Value)
	ok := true
	switch y.Tag {
	case "!!str":
		return
	case "!!int":
		n.Value, ok = v.(int)
	case "!!bool":
		n.Value, ok = v.(bool)
	case "!!null":
		n.Value, ok = nil, v == nil
	case "!!float":
		if i, isInt := v.(int); isInt {
			v = float64(i)
		}
		n.Value, ok = v.(float64)
	default:
		c.checkTag(y, "")
	}
	if !ok {
		c.fail(y, "a value that is no %s", strings.TrimPrefix(y.Tag, "!!"))
	}
}

var knownTags = []string{"!!bool", "!!float", "!!int", "!!map", "!!null", "!!seq", "!!str"}

// checkTag reports an explicit tag that is not the wanted one.
func (c *converter) checkTag(y *yaml.Node, want string) {
	switch {
	case y.Style&yaml.TaggedStyle == 0 || y.Tag == want:
	case y.Tag == "!vault":
		c.fail(y, "tag !vault: Ansible's encrypted values are not read").WithHint("keep the secret in a file of its own and give it with -e @FILE")
	case y.Tag == "!unsafe":
		c.fail(y, "tag !unsafe is not known").WithHint("write {{`...`}} around text that holds braces")
	case slices.Contains(knownTags, y.Tag):
		c.fail(y, "tag %s does not fit this value", y.Tag)
	default:
		c.fail(y, "unknown tag %s", y.Tag).WithHint("%s", diag.DidYouMean(y.Tag, knownTags))
	}
}
