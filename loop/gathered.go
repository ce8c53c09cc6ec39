// Answers of engine middleware, gathered until they are complete.

package loop

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// httpResponse gathers what middleware of the engine answers to a request at the
// gate. It is sent when the middleware has returned.
type httpResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (w *httpResponse) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter]. As in package http, a status
// that does not exist is a fault of the handler. Interim answers are not sent.
func (w *httpResponse) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid status %d", status))
	}
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *httpResponse) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// finish returns the answer in pieces.
func (w *httpResponse) finish() (status int, fields, body []byte) {
	w.WriteHeader(http.StatusOK)
	if w.header.Get("Content-Type") == "" && w.body.Len() > 0 {
		w.header.Set("Content-Type", http.DetectContentType(w.body.Bytes()))
	}
	// These are the server's to say.
	for _, name := range []string{"Content-Length", "Connection", "Date", "Transfer-Encoding"} {
		w.header.Del(name)
	}
	var b strings.Builder
	if w.header.Write(&b) != nil {
		return http.StatusInternalServerError, nil, nil
	}
	return w.status, []byte(b.String()), w.body.Bytes()
}
