// webhook: a backend for trying hooks and webhooks on, and a check of signatures.

package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/signing"
)

// maxHookBody is the largest body that is read.
const maxHookBody = 10 << 20

// webhookCommand groups what helps with backends.
func (a *App) webhookCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "webhook", Short: "Try hooks and webhooks, verify signatures",
		Example: "  sioserver webhook listen --secret whsec_...\n  sioserver webhook verify --secret whsec_... --headers H.txt --body B.json",
	}
	c.AddCommand(a.listenCommand(), a.verifyCommand())
	return c
}

// keys reads the secrets of a flag.
func signingKeys(secrets []string) (signing.Keys, error) {
	var list config.Secrets
	for _, s := range secrets {
		list = append(list, config.Secret(s))
	}
	k, err := signing.Parse("--secret", list)
	if err != nil {
		return k, usageError{err}
	}
	return k, nil
}

// listenCommand is a backend.
func (a *App) listenCommand() *cobra.Command {
	var address, reply string
	var secrets []string
	c := &cobra.Command{
		Use:   "listen",
		Short: "Be a backend: print what comes, verify it, answer it",
		Long: `Be a backend for hooks and webhooks: print each request, verify its signature,
and answer. Connects are let in, events acknowledged with what they hold; --reply
gives another answer.`,
		Example: `  sioserver webhook listen
  sioserver webhook listen --addr 127.0.0.1:8000 --secret whsec_... --reply deny.json`,
		RunE: func(c *cobra.Command, _ []string) error {
			l := &hookListener{out: a.Stdout, checked: len(secrets) > 0}
			var err error
			if l.keys, err = signingKeys(secrets); err != nil {
				return err
			}
			if reply != "" {
				if l.reply, err = os.ReadFile(reply); err != nil {
					return err
				}
				if !json.Valid(l.reply) {
					return usageError{fmt.Errorf("--reply: %s is no JSON", reply)}
				}
			}
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return l.run(ctx, address)
		},
	}
	f := c.Flags()
	f.StringVar(&address, "addr", "127.0.0.1:4000", "`address` to listen on")
	f.StringArrayVar(&secrets, "secret", nil, "`secret` that requests must be signed with; may repeat")
	f.StringVar(&reply, "reply", "", "`file` with the JSON of all answers")
	return c
}

// hookListener answers hooks and webhooks.
type hookListener struct {
	keys    signing.Keys
	checked bool
	reply   []byte

	mu  sync.Mutex
	out io.Writer
}

// run serves until ctx is done.
func (l *hookListener) run(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	l.print("listening on http://%s/ ; hooks.connect.url and the others go here. Ctrl-C ends it.\n", listener.Addr())
	server := &http.Server{Handler: l, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return server.Shutdown(last)
	}
}

func (l *hookListener) print(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, format, args...)
}

// ServeHTTP prints a request and answers it.
func (l *hookListener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHookBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	verdict, status := "not verified: no --secret", http.StatusOK
	if l.checked {
		verdict = "signature ok"
		if err := l.keys.Verify(r.Header, time.Now(), body); err != nil {
			verdict, status = "REFUSED: "+err.Error(), http.StatusUnauthorized
		}
	}
	shown := new(bytes.Buffer)
	if json.Indent(shown, body, "  ", "  ") != nil {
		shown = bytes.NewBufferString(fmt.Sprintf("%q", body))
	}
	answer := l.answer(body)
	if status != http.StatusOK {
		answer = []byte(`{"error":"signature"}`)
	}
	l.print("%s %s %s  (%s)\n  %s\n  -> %d %s\n\n", time.Now().Format(time.RFC3339), r.Method, r.URL.Path, verdict, shown, status, answer)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

// answer is what a request gets.
func (l *hookListener) answer(body []byte) []byte {
	if l.reply != nil {
		return l.reply
	}
	var request struct {
		Hook string
		SID  string
		Args json.RawMessage
	}
	_ = json.Unmarshal(body, &request)
	var v any = struct{}{}
	switch request.Hook {
	case "connect":
		v = map[string]any{"allow": true, "user": "user-" + request.SID[:min(4, len(request.SID))]}
	case "join", "refresh":
		v = map[string]any{"allow": true}
	case "event":
		if request.Args == nil {
			request.Args = json.RawMessage("[]")
		}
		v = map[string]any{"ack": request.Args}
	}
	b, _ := json.Marshal(v)
	return b
}

// verifyCommand verifies a request that was kept.
func (a *App) verifyCommand() *cobra.Command {
	var headers, body, at string
	var secrets []string
	c := &cobra.Command{
		Use:   "verify",
		Short: "Verify the signature of a request that was kept",
		Long: `Verify the signature of a request: its header fields, one a line as in
"webhook-id: ...", and its body, byte for byte as it came. Ends with 3 if the
signature is wrong, and says why.`,
		Example: `  sioserver webhook verify --secret whsec_... --headers H.txt --body B.json
  sioserver webhook verify --secret whsec_... --headers H.txt --body B.json --at 2026-11-27T12:00:00Z`,
		RunE: func(*cobra.Command, []string) error {
			if len(secrets) == 0 || headers == "" || body == "" {
				return usageError{errors.New("--secret, --headers and --body are needed")}
			}
			keys, err := signingKeys(secrets)
			if err != nil {
				return err
			}
			now := time.Now()
			if at != "" {
				if now, err = time.Parse(time.RFC3339, at); err != nil {
					return usageError{fmt.Errorf("--at: %q is no time as in 2026-11-27T12:00:00Z", at)}
				}
			}
			text, err := os.ReadFile(headers)
			if err != nil {
				return err
			}
			b, err := os.ReadFile(body)
			if err != nil {
				return err
			}
			fields, err := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.TrimSpace(text)), strings.NewReader("\r\n\r\n")))).ReadMIMEHeader()
			if err != nil {
				return fmt.Errorf("%s: %w", headers, err)
			}
			if err := keys.Verify(http.Header(fields), now, b); err != nil {
				return checkError{error: err}
			}
			_, err = fmt.Fprintln(a.Stdout, "the signature is right")
			return err
		},
	}
	f := c.Flags()
	f.StringArrayVar(&secrets, "secret", nil, "`secret` that signs; may repeat")
	f.StringVar(&headers, "headers", "", "`file` with the header fields")
	f.StringVar(&body, "body", "", "`file` with the body")
	f.StringVar(&at, "at", "", "`time` of the check (default now)")
	return c
}
