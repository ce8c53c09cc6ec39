// Package control is the control plane: the HTTP API of operators and backends,
// health, metrics and debugging, on a listener of their own that no client
// reaches. docs/api.md is its manual.
//
// One table of endpoints drives the routing, the checks of scopes, and the
// OpenAPI document. Handlers run on goroutines of package net/http; what they ask
// the event loops for is done there in small pieces.
package control
