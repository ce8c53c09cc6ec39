// What was given, before it is known what for: trees of texts, each with its source.

package config

import "slices"

// kind is what a node is.
type kind uint8

const (
	missing kind = iota // null: as if it had not been given
	scalar
	list
	mapping
)

// literal is what a scalar looks like.
type literal uint8

const (
	free   literal = iota // a text that may be read as anything: environment, flags, what ${} made
	quoted                // a text in quotes or a block
	plain                 // a text without them
	number
	boolean
)

// node is a value that was given.
type node struct {
	kind    kind
	literal literal
	text    string
	items   []*node  // of a list
	entries []*entry // of a mapping
	source  Source
}

// entry is a key of a mapping.
type entry struct {
	key    string
	source Source
	value  *node
}

// get is the value of a key, nil without one.
func (n *node) get(key string) *node {
	if i := slices.IndexFunc(n.entries, func(e *entry) bool { return e.key == key }); i >= 0 {
		return n.entries[i].value
	}
	return nil
}

// merge puts over on top of n: mappings key by key, anything else as a whole.
func merge(n, over *node) *node {
	if over == nil || over.kind == missing {
		return n
	}
	if n == nil || n.kind != mapping || over.kind != mapping {
		return over
	}
	merged := &node{kind: mapping, source: over.source, entries: slices.Clone(n.entries)}
	if merged.source.Kind == "" {
		merged.source = n.source
	}
	for _, e := range over.entries {
		i := slices.IndexFunc(merged.entries, func(o *entry) bool { return o.key == e.key })
		if i < 0 {
			merged.entries = append(merged.entries, e)
			continue
		}
		merged.entries[i] = &entry{e.key, e.source, merge(merged.entries[i].value, e.value)}
	}
	return merged
}

// at is a tree that holds nothing but one value at a path. The sections around
// it were given by nobody.
func at(path []string, n *node) *node {
	for i := len(path) - 1; i >= 0; i-- {
		n = &node{kind: mapping, entries: []*entry{{path[i], n.source, n}}}
	}
	return n
}
