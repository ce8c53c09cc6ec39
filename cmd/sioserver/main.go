// The command: internal/cli with what the build put into it.

// Command sioserver is a Socket.IO server. Unmodified official clients connect
// to it over HTTP long polling and websocket.
//
//	sioserver dev
//
// serves a page to try it on, and a relay by which its clients can talk;
// "sioserver --help" lists the rest.
package main

import (
	"context"
	"os"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/cli"
)

func main() {
	app := cli.System()
	app.Client, app.Pages = bundle(), devPages()
	os.Exit(app.Run(context.Background(), os.Args[1:]))
}
