// Selectors: whom an emit, a join, a leave or a disconnect is for.

package control

import (
	"slices"
	"strings"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// selector addresses sockets: the members of rooms, sockets by their ids, and the
// sockets of users, together; without any of them the whole namespace.
type selector struct {
	Namespace string   `json:"namespace,omitempty"`
	To        []string `json:"to,omitempty"`
	Users     []string `json:"users,omitempty"`
	Except    []string `json:"except,omitempty"`
	Local     bool     `json:"local,omitempty"`
}

// mostNames is how many rooms, sockets and users a selector may name.
const mostNames = 10_000

// everybody reports whether a selector is for a whole namespace.
func (s *selector) everybody() bool { return len(s.To)+len(s.Users) == 0 }

// operator is a selector as package loop has it.
func (x *call) operator(s *selector) (o loop.BroadcastOperator, err error) {
	n, err := x.namespace(s.Namespace)
	if err != nil {
		return o, err
	}
	if len(s.To)+len(s.Users)+len(s.Except) > mostNames {
		return o, invalid("to", "to, users and except name more than %d together", mostNames)
	}
	for field, list := range map[string][]string{"to": s.To, "users": s.Users, "except": s.Except} {
		if slices.Contains(list, "") {
			return o, invalid(field, "a name must not be empty")
		}
	}
	o = n.To(s.To...)
	for _, u := range s.Users {
		o = o.To(session.UserRoom(u))
	}
	o = o.Except(s.Except...)
	if s.Local {
		o = o.Local()
	}
	return o, nil
}

// namespace finds a namespace of the configuration that the key may touch.
func (x *call) namespace(name string) (*loop.Namespace, error) {
	if name == "" {
		name = "/"
	}
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	if !slices.Contains(x.node.Config().NamespaceNames(), name) {
		return nil, &apiError{Code: codeUnknownNamespace, Field: "namespace", Message: "the configuration has no namespace " + name}
	}
	if !x.key.reaches(name) {
		return nil, &apiError{Code: codeForbidden, Field: "namespace", Message: "the key " + x.key.name + " may not touch the namespace " + name}
	}
	return x.node.Server.Of(name), nil
}

// reachable are the namespaces that the key may touch.
func (x *call) reachable() (list []*loop.Namespace) {
	for _, name := range x.node.Config().NamespaceNames() {
		if x.key.reaches(name) {
			list = append(list, x.node.Server.Of(name))
		}
	}
	return list
}
