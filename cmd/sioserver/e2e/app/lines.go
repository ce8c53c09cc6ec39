// The transport of CONTRACT.md that is neither polling nor websocket: a packet a line over TCP.

package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync/atomic"

	"github.com/sioserver/sioserver/loop"
)

// lines serves clients that speak in lines.
func (a *app) lines() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	a.journal(map[string]any{"event": "lines", "port": listener.Addr().(*net.TCPAddr).Port})
	var count atomic.Int64
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go a.line(conn, fmt.Sprint("lines-", count.Add(1)))
		}
	}()
	return nil
}

// line serves one of them.
func (a *app) line(conn net.Conn, sid string) {
	_, _ = fmt.Fprintf(conn, `0{"sid":%q,"upgrades":[],"pingInterval":300000,"pingTimeout":200000,"maxPayload":1000000}`+"\n", sid)
	session, err := a.server.Bind(lineConn{conn}, loop.EngineHandshake{Transport: "lines", ID: sid, RemoteAddr: conn.RemoteAddr().String()})
	if err != nil {
		_ = conn.Close()
		return
	}
	in := bufio.NewScanner(conn)
	in.Buffer(nil, 2_000_000)
	for in.Scan() {
		if in.Text() == "" {
			continue
		}
		kind, rest := in.Text()[:1], in.Text()[1:]
		switch kind {
		case "4":
			err = session.Receive([]byte(rest), false)
		case "b":
			var data []byte
			if data, err = base64.StdEncoding.DecodeString(rest); err == nil {
				err = session.Receive(data, true)
			}
		}
		if kind == "1" || err != nil {
			break
		}
	}
	session.Close(err)
}

// lineConn is the server's end.
type lineConn struct{ net.Conn }

// Send implements [loop.EngineConn].
func (c lineConn) Send(message []byte, binary bool) error {
	text := "4" + string(message)
	if binary {
		text = "b" + base64.StdEncoding.EncodeToString(message)
	}
	_, err := c.Write([]byte(strings.ReplaceAll(text, "\n", " ") + "\n"))
	return err
}

// Close implements [loop.EngineConn].
func (c lineConn) Close(loop.DisconnectReason) { _ = c.Conn.Close() }
