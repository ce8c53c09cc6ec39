// The requests and packets that are the same for every session.

package worker

import (
	"encoding/base64"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/wire"
)

// requests are bytes made once.
type requests struct {
	host, path, headers string
	// open asks for a session or a websocket; upgradeHead is that of the probe, up
	// to the session id.
	open []byte
	// connect joins the namespace, join the room whose number follows.
	connect, join []byte
	spaceName     []byte
	key, accept   string
	extensions    string
	pingNs        int64
}

// newRequests prepares them for a target.
func newRequests(j *job.Job, rng *rand.Rand) requests {
	t := &j.Target
	var nonce [16]byte
	for i := range nonce {
		nonce[i] = byte(rng.Uint32())
	}
	r := requests{host: t.Host, path: t.Path, pingNs: 25e9}
	r.key = base64.StdEncoding.EncodeToString(nonce[:])
	r.accept = wire.AcceptKey(r.key)
	for _, h := range t.Headers {
		r.headers += h + "\r\n"
	}
	if j.Deflate != nil {
		r.extensions = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover\r\n"
		if j.Deflate.Takeover {
			r.extensions = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n"
		}
	}
	switch t.Transport {
	case job.RawWS:
		r.open = wire.AppendUpgradeRequest(nil, r.host, r.path+query("?", t.Query), r.key, r.headers+r.extensions)
	case job.WebSocket:
		r.open = wire.AppendUpgradeRequest(nil, r.host, r.target(t, job.WebSocket), r.key, r.headers+r.extensions)
	case job.Polling, job.Upgrade:
		r.open = []byte("GET " + r.target(t, job.Polling) + " HTTP/1.1\r\nHost: " + r.host + "\r\n" + r.headers + "\r\n")
	}
	space := ""
	if t.Namespace != "" && t.Namespace != "/" {
		space = t.Namespace
		r.spaceName = []byte(space)
		space += ","
	}
	r.connect = []byte("40" + space + t.Auth)
	// The number 0 is not used by the streams' acknowledgements.
	r.join = []byte("42" + space + `0["join","r`)
	return r
}

// target is the request target without a session id.
func (r *requests) target(t *job.Target, transport string) string {
	return r.path + "?EIO=" + strconv.Itoa(t.Revision) + "&transport=" + transport + query("&", t.Query)
}

func query(before, q string) string {
	if q == "" {
		return ""
	}
	return before + strings.TrimPrefix(q, "?")
}

// sidBytes is the space for a session id, its length in front.
const sidBytes = 64

// setSID keeps the session id from an open packet.
func (w *Worker) setSID(i int, b []byte) bool {
	_, rest, ok := strings.Cut(string(b), `"sid":"`)
	sid, _, ok2 := strings.Cut(rest, `"`)
	if !ok || !ok2 || sid == "" || len(sid) >= sidBytes {
		return false
	}
	w.sids[i*sidBytes] = byte(len(sid))
	copy(w.sids[i*sidBytes+1:], sid)
	return true
}

// sid is the session id of a session.
func (w *Worker) sid(i int) []byte {
	at := i * sidBytes
	return w.sids[at+1 : at+1+int(w.sids[at])]
}
