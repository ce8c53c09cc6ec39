// The client's files: names, methods, forms, conditions.

package loop_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sioserver/sioserver/loop"
)

// someFiles is a client of which only the source map of one script is missing.
func someFiles() fstest.MapFS {
	m := fstest.MapFS{"secret.txt": {Data: []byte("no")}, "index.html": {Data: []byte("no")}}
	for _, name := range []string{"socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"} {
		m[name] = &fstest.MapFile{Data: []byte("/*!\n * Socket.IO v4.8.4\n */\n" + strings.Repeat(name+"\n", 50))}
		m[name+".map"] = &fstest.MapFile{Data: []byte(`{"of":"` + name + `"}`)}
	}
	delete(m, "socket.io.msgpack.min.js.map")
	return m
}

func TestClientFiles(t *testing.T) {
	files := someFiles()
	s := serve(t, loop.Config{ClientFiles: files, Path: "/x", HTTP: http.NotFoundHandler()}, nil)
	for name, file := range files {
		r := s.ask(t, "GET", "/x/"+name+"?v=1")
		if !strings.HasPrefix(name, "socket.io") {
			if r.status != 404 || r.body != "404 page not found\n" {
				t.Errorf("%s: %d %q", name, r.status, r.body)
			}
			continue
		}
		kind := "application/javascript; charset=utf-8"
		if strings.HasSuffix(name, ".map") {
			kind = "application/json; charset=utf-8"
		}
		if r.status != 200 || r.body != string(file.Data) || r.field("Content-Type") != kind || r.field("ETag") != `"4.8.4"` ||
			r.field("Cache-Control") != "public, max-age=0" || r.field("Vary") != "Accept-Encoding" || r.field("Content-Encoding") != "" {
			t.Errorf("%s: %d %v %.50q", name, r.status, r.fields, r.body)
		}
	}
	if r := s.ask(t, "GET", "/x/socket.io.msgpack.min.js.map"); r.status != 404 || !strings.Contains(r.body, "ClientFiles") {
		t.Errorf("missing: %d %q", r.status, r.body)
	}
	for _, name := range []string{"socket.io.js/", "socket.io.js.gz", "Socket.io.js", "../x/socket.io.js", "socket%2eio.js", "socket.io.min.js.map.map"} {
		if r := s.ask(t, "GET", "/x/"+name); r.status != 404 {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if r := s.ask(t, method, "/x/socket.io.js"); r.status != 405 || r.field("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d %v", method, r.status, r.fields)
		}
	}
	if r := s.ask(t, "HEAD", "/x/socket.io.js"); r.status != 200 || r.field("Content-Length") != fmt.Sprint(len(files["socket.io.js"].Data)) {
		t.Errorf("HEAD: %d %v", r.status, r.fields)
	}
}

func TestClientFileConditions(t *testing.T) {
	s := serve(t, loop.Config{ClientFiles: someFiles()}, nil)
	const path = "/socket.io/socket.io.min.js"
	for tags, status := range map[string]int{
		`"4.8.4"`: 304, `W/"4.8.4"`: 304, `"1", "4.8.4"`: 304, `"1",W/"4.8.4" , "2"`: 304, `*`: 304,
		`"4.8.3"`: 200, `4.8.4`: 200, `"4.8.4`: 200, ``: 200, `w/"4.8.4"`: 200,
	} {
		r := s.ask(t, "GET", path, "If-None-Match: "+tags)
		if r.status != status || r.field("ETag") != `"4.8.4"` || r.field("Vary") != "Accept-Encoding" || status == 304 && r.body != "" {
			t.Errorf("%s: %d %v, want %d", tags, r.status, r.fields, status)
		}
	}
	if r := s.ask(t, "GET", path, `If-None-Match: "1"`, `If-None-Match: "4.8.4"`); r.status != 304 {
		t.Errorf("on two lines: %d", r.status)
	}
	for accept, zipped := range map[string]bool{
		"gzip": true, "GZip": true, "x-gzip": true, "br, gzip;q=0.5": true, "*": true, "gzip ; q=1": true, "deflate, *;q=0.1": true,
		"": false, "br": false, "identity": false, "gzip;q=0": false, "gzip;q=0, *": false, "*;q=0": false, "gzip;q=x": false, "gzipp": false,
	} {
		r := s.ask(t, "GET", path, "Accept-Encoding: "+accept)
		if got := r.field("Content-Encoding") == "gzip"; r.status != 200 || got != zipped || len(r.fields["vary"]) != 1 {
			t.Errorf("%q: %d %v", accept, r.status, r.fields)
		}
		if zipped {
			z, err := gzip.NewReader(strings.NewReader(r.body))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(z)
			if err != nil || string(text) != string(someFiles()["socket.io.min.js"].Data) {
				t.Errorf("%q: %.50q, %v", accept, text, err)
			}
		}
	}
	// A form that the files bring along.
	files := someFiles()
	files["socket.io.min.js.br"] = &fstest.MapFile{Data: []byte("brotli")}
	s = serve(t, loop.Config{ClientFiles: files}, nil)
	for accept, coding := range map[string]string{"gzip, deflate, br": "br", "br": "br", "*": "br", "gzip, br;q=0.9": "gzip", "br;q=0, *": "gzip", "": "", "deflate": ""} {
		r := s.ask(t, "GET", path, "Accept-Encoding: "+accept)
		if r.field("Content-Encoding") != coding || (coding == "br") != (r.body == "brotli") || r.field("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v %.20q", accept, r.fields, r.body)
		}
		if h := s.ask(t, "HEAD", path, "Accept-Encoding: "+accept); h.field("Content-Encoding") != coding || h.field("Content-Length") != fmt.Sprint(len(r.body)) || h.body != "" {
			t.Errorf("HEAD, %q: %v", accept, h.fields)
		}
	}
	if r := s.ask(t, "GET", path+".br"); r.status != 404 {
		t.Errorf("the form itself: %d", r.status)
	}
	// What does not shrink stays as it is.
	if r := s.ask(t, "GET", "/socket.io/socket.io.js.map", "Accept-Encoding: gzip"); r.field("Content-Encoding") != "" || r.body != `{"of":"socket.io.js"}` {
		t.Errorf("%v %q", r.fields, r.body)
	}
}

// TestServeClient: who answers when there are no files, or they are not wanted.
func TestServeClient(t *testing.T) {
	other := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "other") })
	for _, v := range []struct {
		name string
		cfg  loop.Config
		want string // a part of the body
	}{
		{"nothing", loop.Config{}, "ClientFiles"},
		{"other", loop.Config{HTTP: other}, "other"},
		{"enabled", loop.Config{HTTP: other, ServeClient: loop.Enabled}, "ClientFiles"},
		{"enabled with files", loop.Config{HTTP: other, ServeClient: loop.Enabled, ClientFiles: someFiles()}, "v4.8.4"},
		{"files", loop.Config{HTTP: other, ClientFiles: someFiles()}, "v4.8.4"},
		{"disabled", loop.Config{HTTP: other, ServeClient: loop.Disabled, ClientFiles: someFiles()}, "other"},
		{"disabled, nobody else", loop.Config{ServeClient: loop.Disabled, ClientFiles: someFiles()}, ""},
	} {
		t.Run(v.name, func(t *testing.T) {
			s := serve(t, v.cfg, nil)
			r := s.ask(t, "GET", "/socket.io/socket.io.js")
			status := 200
			if v.want == "ClientFiles" || v.want == "" {
				status = 404
			}
			if r.status != status || !strings.Contains(r.body, v.want) || v.want == "" && r.body != "" {
				t.Errorf("%d %q", r.status, r.body)
			}
		})
	}
}
