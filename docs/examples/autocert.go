// TLS with certificates that an authority issues when the first client comes, and that are renewed by themselves.

package main

import (
	"cmp"
	"context"
	"os"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/sioserver/sioserver/loop"
)

func withAutocert(ctx context.Context, addr string) error {
	manager := &autocert.Manager{
		Prompt: autocert.AcceptTOS,
		// Keep it: an authority issues few certificates for a name in a week.
		Cache: autocert.DirCache(cmp.Or(os.Getenv("CERTIFICATES"), "certificates")),
		// Only names of your own, or anybody can make the server ask for more.
		HostPolicy: autocert.HostWhitelist(cmp.Or(os.Getenv("HOST_NAME"), "chat.example.com")),
		Client:     &acme.Client{DirectoryURL: cmp.Or(os.Getenv("ACME_DIRECTORY"), autocert.DefaultACMEDirectory)},
	}
	// The authority comes to port 443 of the name to see that it is yours; it is
	// answered within TLS, and nothing else is needed.
	server, err := loop.New(loop.Config{Listen: []string{addr}, TLS: manager.TLSConfig()})
	if err != nil {
		return err
	}
	loop.OnAck(server, "am I safe", func(s *loop.Socket, _ any) (bool, error) {
		return s.Handshake().TLS() != nil, nil
	})
	return server.Run(ctx)
}
