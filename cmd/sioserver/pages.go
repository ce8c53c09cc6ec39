// The pages of development mode: a page to try the server on, and the official client.

package main

import (
	"embed"
	"io/fs"
	"net/http"
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

// devPages serves the page.
func devPages() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(sub(pageFiles, "page")))
	return mux
}

// bundle is the official client, nil if this build does not have it.
func bundle() fs.FS {
	if !bundled() {
		return nil
	}
	return sub(clientFiles, "client/bundle")
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
