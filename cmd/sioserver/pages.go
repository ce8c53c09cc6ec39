// The pages of development mode: a page to try the server on, and the official client.

package main

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
)

// pageFiles are index.html and what belongs to it.
//
//go:embed page
var pageFiles embed.FS

// clientFiles are the official browser client, which "make run" and "make
// build" put there; the directory is empty otherwise.
//
//go:embed all:client/bundle
var clientFiles embed.FS

// devPages serves the page at / and the client below /socket.io/.
func devPages() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(sub(pageFiles, "page")))
	mux.Handle("GET /socket.io/", http.StripPrefix("/socket.io/", http.HandlerFunc(serveClient)))
	return mux
}

// serveClient serves a file of the client.
func serveClient(w http.ResponseWriter, r *http.Request) {
	name := path.Clean(r.URL.Path)
	switch {
	case path.Ext(name) != ".js" && path.Ext(name) != ".map":
		http.NotFound(w, r)
	case !bundled():
		http.Error(w, "This build does not have the client. Build it with \"make build\", or load the client from elsewhere.", http.StatusNotFound)
	default:
		http.ServeFileFS(w, r, sub(clientFiles, "client/bundle"), name)
	}
}

// bundled reports whether the build has the client.
func bundled() bool {
	_, err := fs.Stat(clientFiles, "client/bundle/socket.io.min.js")
	return err == nil
}

// sub is a directory of embedded files, which exists.
func sub(files fs.FS, dir string) fs.FS {
	s, err := fs.Sub(files, dir)
	if err != nil {
		panic(err)
	}
	return s
}
