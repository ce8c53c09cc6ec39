// Where a value comes from, and what is wrong with it.

package config

import (
	"fmt"
	"strings"
)

// Source is where a value was given.
type Source struct {
	Kind   string `json:"kind"`             // default, file, environment or flag
	Name   string `json:"name,omitempty"`   // of the file, the variable or the flag
	Line   int    `json:"line,omitempty"`   // of a file, from 1
	Column int    `json:"column,omitempty"` // of a file, from 1
}

// The kinds of sources.
const (
	FromDefault     = "default"
	FromFile        = "file"
	FromEnvironment = "environment"
	FromFlag        = "flag"
)

// String is how messages name it: file:line:column, the variable or the flag.
func (s Source) String() string {
	switch {
	case s.Kind == FromDefault || s.Kind == "":
		return FromDefault
	case s.Line > 0:
		return fmt.Sprintf("%s:%d:%d", s.Name, s.Line, s.Column)
	}
	return s.Name
}

// Problem is one thing that is wrong.
type Problem struct {
	Source  Source `json:"source"`
	Path    string `json:"path,omitempty"` // of the key
	Message string `json:"message"`        // what is wrong, and what would be right
	Excerpt string `json:"excerpt,omitempty"`

	key bool // the key is wrong, not its value
}

// String is the problem in one line, and below it the line of the file.
func (p Problem) String() string {
	var b strings.Builder
	if p.Source.Kind != "" && p.Source.Kind != FromDefault {
		b.WriteString(p.Source.String() + ": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Excerpt != "" {
		b.WriteString("\n" + p.Excerpt)
	}
	return b.String()
}

// Problems are all that is wrong with a configuration. They are an error.
type Problems []Problem

// Error lists them, one or two lines each.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// excerpt is the line of a file, with a mark below the column. Of a wrong key
// the value is left out: it may be a secret under a misspelt name.
func excerpt(line string, p Problem, hidden []string) string {
	line = strings.TrimRight(line, "\r")
	text := strings.ReplaceAll(line, "\t", " ")
	column := min(p.Source.Column, len(text)+1)
	if p.key {
		if end := strings.IndexByte(text[column-1:], ':'); end >= 0 {
			text = text[:column+end] + " ..."
		}
	}
	for _, h := range hidden {
		for from := 0; ; {
			i := strings.Index(text[from:], h)
			if i < 0 {
				break
			}
			i += from
			if i+len(h) < column {
				column += len(Redacted) - len(h)
			}
			text = text[:i] + Redacted + text[i+len(h):]
			from = i + len(Redacted)
		}
	}
	if len(text) > 160 {
		text = text[:160] + " ..."
	}
	number := fmt.Sprintf("%4d", p.Source.Line)
	return fmt.Sprintf("%s | %s\n     | %s^", number, text, strings.Repeat(" ", column-1))
}
