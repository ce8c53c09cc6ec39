// Files: YAML to trees.

package config

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The sizes of a configuration: how deep values may nest, and how many there may
// be, those that aliases repeat included.
const (
	maxDepth  = 64
	maxValues = 100_000
)

// reader makes a tree of one document.
type reader struct {
	name    string // of the file, or of the variable or flag whose value this is
	kind    string // of the source
	anchors map[string]ast.Node
	values  int // so far
	faults  []Problem
}

// parse reads a document. With faults the tree holds what could be read.
func (r *reader) parse(text []byte) *node {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		p := Problem{Source: Source{Kind: r.kind, Name: r.name}, Message: err.Error()}
		var at yaml.Error
		if errors.As(err, &at) {
			p.Message = at.GetMessage()
			if t := at.GetToken(); t != nil {
				p.Source = r.at(t)
			}
		}
		r.faults = append(r.faults, p)
		return nil
	}
	if len(file.Docs) > 1 {
		r.fault(file.Docs[1].Body, "the file holds several documents (---), it must be one")
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil
	}
	r.anchors = map[string]ast.Node{}
	return r.node(file.Docs[0].Body, 0)
}

// at is the source of a token.
func (r *reader) at(t *token.Token) Source {
	s := Source{Kind: r.kind, Name: r.name}
	if r.kind == FromFile && t != nil && t.Position != nil {
		s.Line, s.Column = t.Position.Line, t.Position.Column
	}
	return s
}

func (r *reader) fault(n ast.Node, format string, args ...any) {
	p := Problem{Message: fmt.Sprintf(format, args...), Source: Source{Kind: r.kind, Name: r.name}}
	if n != nil {
		p.Source = r.at(n.GetToken())
	}
	r.faults = append(r.faults, p)
}

// node makes a tree of a node.
func (r *reader) node(n ast.Node, depth int) *node {
	if depth > maxDepth {
		r.fault(n, "values nest deeper than %d", maxDepth)
		return nil
	}
	if r.values++; r.values > maxValues {
		if r.values == maxValues+1 {
			r.fault(n, "there are more than %d values", maxValues)
		}
		return nil
	}
	if n == nil {
		return nil
	}
	t := &node{source: r.at(n.GetToken())}
	one := func(l literal, text string) *node {
		t.kind, t.literal, t.text = scalar, l, text
		return t
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return t
	case *ast.StringNode:
		if typ := n.GetToken().Type; typ == token.SingleQuoteType || typ == token.DoubleQuoteType {
			return one(quoted, n.Value)
		}
		return one(plain, n.Value)
	case *ast.LiteralNode:
		return one(quoted, n.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return one(number, n.GetToken().Value)
	case *ast.BoolNode:
		return one(boolean, n.GetToken().Value)
	case *ast.SequenceNode:
		t.kind = list
		for _, item := range n.Values {
			if i := r.node(item, depth+1); i != nil {
				t.items = append(t.items, i)
			}
		}
		return t
	case *ast.MappingNode:
		t.kind = mapping
		t.source = r.first(n.Values, t.source)
		for _, v := range n.Values {
			r.entry(t, v, depth)
		}
		return t
	case *ast.MappingValueNode:
		t.kind = mapping
		r.entry(t, n, depth)
		return t
	case *ast.AnchorNode:
		r.anchors[n.Name.String()] = n.Value
		return r.node(n.Value, depth+1)
	case *ast.AliasNode:
		target, ok := r.anchors[n.Value.String()]
		if !ok {
			r.fault(n, "there is no anchor &%s before this", n.Value.String())
			return nil
		}
		return r.node(target, depth+1)
	}
	r.fault(n, "%s is not understood here", n.Type())
	return nil
}

// first is where a mapping begins: at its first key.
func (r *reader) first(values []*ast.MappingValueNode, or Source) Source {
	if len(values) == 0 {
		return or
	}
	return r.at(values[0].Key.GetToken())
}

// entry puts a key of a mapping into a tree.
func (r *reader) entry(t *node, v *ast.MappingValueNode, depth int) {
	if v.Key.IsMergeKey() {
		from := r.node(v.Value, depth+1)
		if from == nil || from.kind != mapping {
			r.fault(v.Value, "<< wants a mapping")
			return
		}
		for _, e := range from.entries {
			if t.get(e.key) == nil {
				t.entries = append(t.entries, e)
			}
		}
		return
	}
	key := v.Key.GetToken()
	value := r.node(v.Value, depth+1)
	if value == nil {
		value = &node{source: r.at(key)}
	}
	for i, e := range t.entries {
		if e.key == key.Value { // one of << stands before it
			t.entries[i] = &entry{key.Value, r.at(key), value}
			return
		}
	}
	t.entries = append(t.entries, &entry{key.Value, r.at(key), value})
}
