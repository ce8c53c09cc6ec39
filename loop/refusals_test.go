// Refused requests are told, off the loops and not without end.

package loop_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

func TestConnectionError(t *testing.T) {
	told := make(chan loop.ConnectionError, 10)
	no := errors.New("no")
	s := serve(t, loop.Config{AllowRequest: func(*http.Request) error { return no }}, func(s *loop.Server) {
		s.OnConnectionError(func(loop.ConnectionError) { panic("on purpose") })
		s.OnConnectionError(func(e loop.ConnectionError) { told <- e })
	})
	type values = map[string]any
	const unknown = "00000000000000000000"
	for _, v := range []struct {
		method, path string
		fields       []string
		code         int
		message      string
		context      values
	}{
		{"GET", "/socket.io/?EIO=4&transport=x", nil, 0, "Transport unknown", values{"transport": "x"}},
		{"GET", pollingPath + "&sid=" + unknown, nil, 1, "Session ID unknown", values{"sid": unknown}},
		{"PUT", pollingPath, nil, 2, "Bad handshake method", values{"method": "PUT"}},
		{"GET", pollingPath, []string{"Origin: a", "Origin: b"}, 3, "Bad request", values{"name": "INVALID_ORIGIN", "origin": "a"}},
		{"GET", webSocketPath, nil, 3, "Bad request", values{"name": "TRANSPORT_HANDSHAKE_ERROR"}},
		{"GET", pollingPath + "&EIO=4", nil, 3, "Bad request", values{"name": "DUPLICATE_PARAMETER"}},
		{"GET", pollingPath, nil, 4, "Forbidden", values{"message": "no", "error": no}},
		{"GET", pollingPath, []string{"Origin: http://evil"}, 4, "Forbidden", values{"message": "Forbidden"}},
		{"GET", "/socket.io/?EIO=7&transport=polling", nil, 5, "Unsupported protocol version", values{"protocol": 7}},
		{"GET", "/socket.io/?EIO=x&transport=polling", nil, 5, "Unsupported protocol version", values{"protocol": "x"}},
	} {
		r := s.ask(t, v.method, v.path, v.fields...)
		e := within(t, "a refusal", told)
		if e.Code != v.code || e.Message != v.message || !reflect.DeepEqual(e.Context, v.context) {
			t.Errorf("%d %s %v, want %d %s %v", e.Code, e.Message, e.Context, v.code, v.message, v.context)
		}
		said := v.message
		if v.code == 4 {
			said = v.context["message"].(string)
		}
		if want := fmt.Sprintf(`{"code":%d,"message":"%s"}`, v.code, said); r.body != want {
			t.Errorf("answer %s, want %s", r.body, want)
		}
		body, err := io.ReadAll(e.Request.Body)
		if e.Request.Method != v.method || e.Request.RequestURI != v.path || e.Request.RemoteAddr == "" || len(body) > 0 || err != nil {
			t.Errorf("request %v, body %q, %v", e.Request, body, err)
		}
	}
	if n := s.log.count("panic in a connection error handler"); n != 10 {
		t.Errorf("%d panics logged", n)
	}
}

// TestConnectionErrorMismatch: of sessions that are there.
func TestConnectionErrorMismatch(t *testing.T) {
	told := make(chan loop.ConnectionError, 10)
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.OnConnectionError(func(e loop.ConnectionError) { told <- e })
		s.UseEngine(func(_ http.ResponseWriter, r *http.Request) error {
			if r.Header.Get("X-Fail") != "" {
				return errors.New("failed")
			}
			return nil
		})
	})
	var sid string
	s.ask(t, "GET", pollingPath, "X-Fail: 1")
	if e := within(t, "a refusal", told); e.Context["name"] != "MIDDLEWARE_FAILURE" || fmt.Sprint(e.Context["error"]) != "failed" {
		t.Errorf("%v", e.Context)
	}
	r := s.ask(t, "GET", pollingPath)
	if _, err := fmt.Sscanf(r.body, `0{"sid":%q`, &sid); err != nil {
		t.Fatal(err)
	}
	s.ask(t, "GET", webSocketPath+"&sid="+sid)
	want := map[string]any{"name": "TRANSPORT_MISMATCH", "transport": "websocket", "previousTransport": "polling"}
	if e := within(t, "a refusal", told); !reflect.DeepEqual(e.Context, want) {
		t.Errorf("%v", e.Context)
	}
	s.ask(t, "GET", "/socket.io/?EIO=3&transport=polling&sid="+sid)
	want = map[string]any{"name": "PROTOCOL_MISMATCH", "protocol": 3, "previousProtocol": 4}
	if e := within(t, "a refusal", told); !reflect.DeepEqual(e.Context, want) {
		t.Errorf("%v", e.Context)
	}
}

// TestConnectionErrorFlood: a slow function misses some, which are counted.
func TestConnectionErrorFlood(t *testing.T) {
	entered, release := make(chan struct{}, 5000), make(chan struct{})
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.OnConnectionError(func(loop.ConnectionError) {
			entered <- struct{}{}
			<-release
		})
	})
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	refuse := func(n int) {
		for range n {
			if r, err := w.exchange("PUT", pollingPath, ""); err != nil || r.status != 400 {
				t.Fatalf("%v, %v", r, err)
			}
		}
	}
	refuse(1)
	within(t, "the function", entered)
	refuse(loop.RefusalQueue)
	if n := s.stats(t).LimitHits["connection_errors"]; n != 0 {
		t.Errorf("%d missed at the limit", n)
	}
	refuse(7)
	if n := s.stats(t).LimitHits["connection_errors"]; n != 7 {
		t.Errorf("%d missed, want 7", n)
	}
	close(release)
	for range loop.RefusalQueue {
		within(t, "the function", entered)
	}
	eventually(t, "all is told", func() bool { return len(entered) == 0 })
}
