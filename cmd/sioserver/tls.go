// TLS: the certificate's files, and the signal that makes the server read them again.

package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/sioserver/sioserver/loop"
)

// serveTLS reads a certificate, and reads it again on each SIGHUP until ctx is
// done.
func serveTLS(ctx context.Context, cert, key string, log *slog.Logger) (*tls.Config, error) {
	file, err := loop.NewCertificateFile(cert, key)
	if err != nil {
		return nil, err
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hangups)
		for {
			select {
			case <-hangups:
				reload(file, log)
			case <-ctx.Done():
				return
			}
		}
	}()
	return &tls.Config{GetCertificate: file.GetCertificate}, nil
}

// reload reads the files again. Whoever is connected does not notice.
func reload(file *loop.CertificateFile, log *slog.Logger) {
	if err := file.Reload(); err != nil {
		log.Error("the certificate stays the one it was", "error", err)
		return
	}
	leaf := file.Certificate().Leaf
	log.Info("the certificate was read again", "subject", leaf.Subject.String(), "until", leaf.NotAfter)
}
