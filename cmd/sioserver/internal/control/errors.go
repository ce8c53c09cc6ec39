// Errors: one table of codes and statuses.

package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// The codes of errors.
const (
	codeInvalidJSON      = "invalid_json"
	codeInvalidField     = "invalid_field"
	codeReservedEvent    = "reserved_event"
	codeUnauthorized     = "unauthorized"
	codeForbidden        = "forbidden"
	codeNotFound         = "not_found"
	codeUnknownNamespace = "unknown_namespace"
	codeMethod           = "method_not_allowed"
	codeConflict         = "conflict"
	codeTooLarge         = "payload_too_large"
	codeRateLimited      = "rate_limited"
	codeInternal         = "internal"
	codeNotAvailable     = "not_available"
	codeTimeout          = "timeout"
)

// statuses are the HTTP statuses of the codes.
var statuses = map[string]int{
	codeInvalidJSON:      http.StatusBadRequest,
	codeInvalidField:     http.StatusUnprocessableEntity,
	codeReservedEvent:    http.StatusUnprocessableEntity,
	codeUnauthorized:     http.StatusUnauthorized,
	codeForbidden:        http.StatusForbidden,
	codeNotFound:         http.StatusNotFound,
	codeUnknownNamespace: http.StatusNotFound,
	codeMethod:           http.StatusMethodNotAllowed,
	codeConflict:         http.StatusConflict,
	codeTooLarge:         http.StatusRequestEntityTooLarge,
	codeRateLimited:      http.StatusTooManyRequests,
	codeInternal:         http.StatusInternalServerError,
	codeNotAvailable:     http.StatusNotImplemented,
	codeTimeout:          http.StatusGatewayTimeout,
}

// apiError is what a caller is told.
type apiError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`

	retry time.Duration // told as Retry-After
}

// Error implements error.
func (e *apiError) Error() string { return e.Code + ": " + e.Message }

func fail(code, format string, args ...any) *apiError {
	return &apiError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// invalid is an error of one field of a request.
func invalid(field, format string, args ...any) *apiError {
	return &apiError{Code: codeInvalidField, Field: field, Message: fmt.Sprintf(format, args...)}
}

// toldAs is what a caller is told of any error.
func toldAs(err error) *apiError {
	var e *apiError
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, loop.ErrReserved):
		return &apiError{Code: codeReservedEvent, Field: "event", Message: err.Error()}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, loop.ErrTimeout):
		return fail(codeTimeout, "the servers did not answer in time")
	}
	return fail(codeInternal, "%s", err)
}
