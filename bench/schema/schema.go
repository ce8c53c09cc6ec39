// The published form of results, for programs that read them.

// Package schema has the JSON schema of the results that siobench writes.
package schema

import _ "embed"

// ResultV1 is the schema of report.Result, JSON Schema draft 2020-12. It must
// not be changed. Any goroutine.
//
//go:embed result.v1.json
var ResultV1 []byte
