// Inside the servers of others: a chi router and a gin engine, with their middleware in front.

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/sioserver/sioserver/loop"
)

// attached is the Socket.IO part, which listens nowhere by itself.
func attached(ctx context.Context) (*loop.Server, error) {
	server, err := loop.New(loop.Config{NoListen: true})
	if err != nil {
		return nil, err
	}
	loop.OnAck(server, "echo", func(_ *loop.Socket, v any) (any, error) { return v, nil })
	// What middleware of the router has found out is there for handlers.
	loop.OnAck0(server, "request id", func(s *loop.Socket) (string, error) {
		return middleware.GetReqID(s.Handshake().Context()), nil
	})
	return server, server.Start(ctx)
}

func inChi(ctx context.Context, addr string) error {
	server, err := attached(ctx)
	if err != nil {
		return err
	}
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer)
	r.Handle("/socket.io/*", server.Handler())
	r.Get("/hello/{name}", func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, "hello ", chi.URLParam(r, "name")) })
	return host(ctx, addr, r, server)
}

func inGin(ctx context.Context, addr string) error {
	server, err := attached(ctx)
	if err != nil {
		return err
	}
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery())
	r.Any("/socket.io/*any", gin.WrapH(server.Handler()))
	r.GET("/hello/:name", func(c *gin.Context) { c.String(http.StatusOK, "hello %s", c.Param("name")) })
	return host(ctx, addr, r, server)
}

// host serves until ctx is done. The Socket.IO server goes first, so that its
// clients are told; the requests it holds end with it.
func host(ctx context.Context, addr string, h http.Handler, server *loop.Server) error {
	hs := &http.Server{Addr: addr, Handler: h}
	context.AfterFunc(ctx, func() {
		_ = server.Shutdown(context.WithoutCancel(ctx))
		_ = hs.Shutdown(context.WithoutCancel(ctx))
	})
	if err := hs.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
