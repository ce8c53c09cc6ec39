// Inside the routers of others: attached to them, and with them on the server's own port.

package loop_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"

	"github.com/sioserver/sioserver/loop"
)

// routers makes the router of each framework, with the usual middleware in
// front: it answers /hello itself and has h below /socket.io/, unless it is nil.
var routers = map[string]func(h http.Handler) http.Handler{
	"net/http": func(h http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello ", r.PathValue("name")) })
		if h != nil {
			mux.Handle("/socket.io/", h)
		}
		return mux
	},
	"chi": func(h http.Handler) http.Handler {
		r := chi.NewRouter()
		r.Use(middleware.RequestID, middleware.RequestLogger(&middleware.DefaultLogFormatter{Logger: log.New(io.Discard, "", 0), NoColor: true}), middleware.Recoverer, middleware.Compress(5))
		r.Get("/hello/{name}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello ", chi.URLParam(r, "name")) })
		if h != nil {
			r.Handle("/socket.io/*", h)
		}
		return r
	},
	"gin": func(h http.Handler) http.Handler {
		gin.SetMode(gin.ReleaseMode)
		r := gin.New()
		r.Use(gin.Recovery(), func(c *gin.Context) { c.Next(); _ = c.Writer.Status() })
		r.GET("/hello/:name", func(c *gin.Context) { c.String(http.StatusOK, "hello %s", c.Param("name")) })
		if h != nil {
			r.Any("/socket.io/*any", gin.WrapH(h))
		}
		return r
	},
	"echo": func(h http.Handler) http.Handler {
		e := echo.New()
		e.Use(echomiddleware.Recover(), echomiddleware.RequestID(), echomiddleware.BodyLimit("2M"))
		e.GET("/hello/:name", func(c echo.Context) error { return c.String(http.StatusOK, "hello "+c.Param("name")) })
		if h != nil {
			e.Any("/socket.io/*", echo.WrapHandler(h))
		}
		return e
	},
}

func TestFrameworks(t *testing.T) {
	for name, router := range routers {
		t.Run(name+" around", func(t *testing.T) {
			s := serve(t, loop.Config{NoListen: true}, onSync)
			s.host(t, router(s.Handler()), nil)
			framework(t, s)
		})
		t.Run(name+" within", func(t *testing.T) {
			framework(t, serve(t, loop.Config{HTTP: router(nil)}, onSync))
		})
	}
}

func framework(t *testing.T, s *server) {
	for _, transport := range []string{"polling", "websocket", "upgrade"} {
		c, _ := s.connect(t, transport)
		for range 3 {
			c.sync(t)
		}
		r, _ := http.NewRequest("GET", "http://"+s.addr()+"/hello/x", nil)
		r.Close = true
		if a, body := askHTTP(t, webClient(t), r); a.StatusCode != 200 || body != "hello x" {
			t.Errorf("%d %s", a.StatusCode, body)
		}
		c.close()
	}
	eventually(t, "all are gone", func() bool { return s.stats(t).Sessions == 0 && s.WebConnections() == 0 && s.Connections() == 0 })
}
