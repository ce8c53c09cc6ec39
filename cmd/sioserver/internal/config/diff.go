// Two configurations: what differs, and what a running server can take over.

package config

import (
	"fmt"
	"reflect"
)

// The classes of a change.
const (
	Live    = "live"    // a running server takes it over
	Restart = "restart" // it counts from the next start on
)

// Change is a key whose value differs. Values are as in a file, in one line,
// with secrets left out.
type Change struct {
	Path  string `json:"path"`
	Old   string `json:"old"`
	New   string `json:"new"`
	Class string `json:"class"`
}

// String is the change in one line.
func (c Change) String() string {
	switch {
	case c.Old == c.New:
		return c.Path + ": another secret"
	case len(c.Old)+len(c.New) > 200: // lists of mappings
		return c.Path
	}
	return fmt.Sprintf("%s: %s -> %s", c.Path, c.Old, c.New)
}

// Changes are several of them.
type Changes []Change

// Diff are the changes from one configuration to another, in the order of the
// schema. Lists are compared as a whole.
func Diff(from, to *Config) (list Changes) {
	compare(reflect.ValueOf(from).Elem(), reflect.ValueOf(to).Elem(), nil, func(f *Field, a, b reflect.Value) {
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			list = append(list, Change{f.Key(), inline(a, false), inline(b, false), f.Reload})
		}
	})
	return list
}

// KeepRestart is a configuration as a running server can use it: that of to,
// with the values of from where a change needs a restart.
func KeepRestart(from, to *Config) *Config {
	c := *to
	c.Dev, c.Relay = from.Dev, from.Relay
	compare(reflect.ValueOf(from).Elem(), reflect.ValueOf(&c).Elem(), nil, func(f *Field, a, b reflect.Value) {
		if f.Reload == Restart {
			b.Set(a)
		}
	})
	return &c
}

// compare calls each with all keys outside lists that hold values, and their
// values in two structs.
func compare(a, b reflect.Value, above []string, each func(f *Field, a, b reflect.Value)) {
	for i := range a.NumField() {
		f := fieldOf(a.Type().Field(i), above, false)
		switch {
		case f == nil:
		case f.Section():
			compare(a.Field(i), b.Field(i), f.Path, each)
		default:
			each(f, a.Field(i), b.Field(i))
		}
	}
}
