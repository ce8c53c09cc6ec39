// Member: one client, which comes back when it is cut off.

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gobwas/ws"
)

const (
	openTimeout  = 20 * time.Second
	longestDelay = 5 * time.Second
	ethernet     = 1460 // bytes of a segment
	joinID       = 0    // the acknowledgement of $join; those of events follow
)

// errKicked is the end of a client that was told not to come back.
var errKicked = errors.New("the server has disconnected the socket")

// member is a client.
type member struct {
	c      *crowd
	number int

	// Of the goroutine that reads.
	pid, offset string // for recovery
	buf         []byte

	mu      sync.Mutex
	conn    net.Conn // nil while it is not connected
	said    int      // events that were sent
	acked   int      // of these, those that were answered: said or one less
	next    int      // number of the next message; 0 before the first
	blocked chan struct{}
}

func newMember(c *crowd, number int) *member {
	return &member{c: c, number: number, buf: make([]byte, 0, 512)}
}

// live connects, reads, and comes back.
func (m *member) live() {
	delay := m.c.delay
	for {
		conn, in, err := m.open()
		if err == nil {
			delay = m.c.delay
			err = m.read(in)
			m.close(conn)
			if errors.Is(err, errKicked) {
				m.c.tally.kicked.Add(1)
				return
			}
			m.c.tally.lost(m.stallable())
		} else {
			m.c.tally.failed(err)
		}
		time.Sleep(delay/2 + rand.N(delay))
		delay = min(2*delay, longestDelay)
	}
}

// open connects the transport and the socket.
func (m *member) open() (net.Conn, *bufio.Reader, error) {
	t := &m.c.tally
	if m.pid != "" {
		t.attempt()
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	dialer := ws.Dialer{ReadBufferSize: 512, WriteBufferSize: 512}
	if m.stallable() {
		dialer.NetDial = (&net.Dialer{Control: m.shrink}).DialContext
	}
	conn, in, _, err := dialer.Dial(ctx, m.c.url+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		return nil, nil, err
	}
	if in == nil {
		in = bufio.NewReaderSize(conn, 512)
	}
	_ = conn.SetDeadline(time.Now().Add(openTimeout))
	if err := m.handshake(conn, in); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conn = conn
	t.connected.Add(1)
	if m.said > m.acked {
		m.emit() // like the official client with "retries"
	}
	return conn, in, nil
}

// shrink makes the connection one over a network: the kernel keeps megabytes for
// one over loopback, whose segments are large, before a stall is seen.
func (m *member) shrink(_, _ string, raw syscall.RawConn) error {
	var err error
	if e := raw.Control(func(fd uintptr) {
		err = errors.Join(
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, m.c.buffer),
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, ethernet),
		)
	}); e != nil {
		return e
	}
	return err
}

// handshake joins the namespace, and the room unless the socket is the one it
// was.
func (m *member) handshake(conn net.Conn, in *bufio.Reader) error {
	if text, err := m.message(in); err != nil || !bytes.HasPrefix(text, []byte("0")) {
		return errors.Join(errors.New("no handshake"), err)
	}
	auth := ""
	if m.pid != "" {
		auth = fmt.Sprintf(`{"pid":%q,"offset":%q}`, m.pid, m.offset)
	}
	if err := write(conn, "40"+auth); err != nil {
		return err
	}
	text, err := m.message(in)
	for err == nil && bytes.HasPrefix(text, []byte("42")) {
		// What was missed comes first.
		if err = m.handle(conn, text); err == nil {
			text, err = m.message(in)
		}
	}
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(text, []byte("40")) {
		return fmt.Errorf("not connected: %.80q", text)
	}
	var got struct{ SID, PID string }
	if err := json.Unmarshal(text[2:], &got); err != nil {
		return err
	}
	m.c.tally.came(m.pid, got.PID)
	recovered := m.pid != "" && got.PID == m.pid
	m.pid = got.PID
	if recovered || m.c.room == "" {
		return nil
	}
	if err := write(conn, fmt.Sprintf(`42%d["$join",{"room":%q}]`, joinID, m.c.room)); err != nil {
		return err
	}
	for {
		text, err := m.message(in)
		if err != nil {
			return err
		}
		if rest, ok := bytes.CutPrefix(text, []byte("43"+strconv.Itoa(joinID)+"[")); ok {
			if !bytes.Contains(rest, []byte(`"ok":true`)) {
				return fmt.Errorf("may not join: %s", rest)
			}
			return nil
		}
		if err := m.handle(conn, text); err != nil {
			return err
		}
	}
}

// read handles what comes until the connection is lost.
func (m *member) read(in *bufio.Reader) error {
	for {
		m.mu.Lock()
		conn, blocked := m.conn, m.blocked
		m.mu.Unlock()
		if blocked != nil {
			<-blocked
		}
		text, err := m.message(in)
		if err == nil {
			err = m.handle(conn, text)
		}
		if err != nil {
			return err
		}
	}
}

// message reads the next message, which is good until the one after.
func (m *member) message(in *bufio.Reader) ([]byte, error) {
	h, err := ws.ReadHeader(in)
	if err != nil {
		return nil, err
	}
	if !h.Fin || h.OpCode != ws.OpText {
		return nil, fmt.Errorf("a frame of kind %d", h.OpCode)
	}
	if int64(cap(m.buf)) < h.Length {
		m.buf = make([]byte, h.Length)
	}
	m.buf = m.buf[:h.Length]
	_, err = io.ReadFull(in, m.buf)
	return m.buf, err
}

var (
	news = []byte(`42["news",`)
	ack  = []byte("43")
)

// handle handles a message.
func (m *member) handle(conn net.Conn, text []byte) error {
	switch {
	case string(text) == "2":
		m.mu.Lock()
		defer m.mu.Unlock()
		return write(conn, "3")
	case bytes.HasPrefix(text, []byte("41")):
		return errKicked
	case bytes.HasPrefix(text, ack):
		return m.answered(string(text[len(ack):]))
	case bytes.HasPrefix(text, []byte("42[")):
		// Where the client is, for recovery, if the last argument is a text.
		if rest, ok := bytes.CutSuffix(text, []byte(`"]`)); ok && m.pid != "" {
			m.offset = string(rest[bytes.LastIndexByte(rest, '"')+1:])
		}
		if rest, ok := bytes.CutPrefix(text, news); ok {
			return m.heard(rest)
		}
	}
	return nil
}

// heard takes a numbered message, n,milliseconds,...: each comes once, in order.
func (m *member) heard(args []byte) error {
	first, rest, _ := bytes.Cut(args, []byte(","))
	second, _, _ := bytes.Cut(rest, []byte(","))
	n, err := strconv.Atoi(string(first))
	if err != nil {
		return err
	}
	at, err := strconv.ParseFloat(string(second), 64)
	if err != nil {
		return err
	}
	m.mu.Lock()
	next := m.next
	m.next = n + 1
	m.mu.Unlock()
	m.c.tally.heard(next, n, at, m.stallable())
	return nil
}

// say sends the next event, if the one before was answered.
func (m *member) say() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn == nil || m.blocked != nil || m.said > m.acked {
		return
	}
	m.said++
	m.c.tally.pending.Add(1)
	m.emit()
}

// emit sends the last event, perhaps again. mu is held. A connection that is
// lost is seen by who reads.
func (m *member) emit() {
	_ = write(m.conn, fmt.Sprintf(`42%d["%s",%d,%d]`, m.said, m.c.event, m.number, m.said-1))
}

// answered takes an acknowledgement, id[...].
func (m *member) answered(text string) error {
	id, args, _ := strings.Cut(text, "[")
	m.mu.Lock()
	defer m.mu.Unlock()
	if id != strconv.Itoa(m.said) || m.acked == m.said {
		return nil // an earlier try of the same was answered too
	}
	if !strings.Contains(args, `"ok":true`) {
		m.c.tally.refuse("event: " + args)
		return nil
	}
	m.acked++
	m.c.tally.pending.Add(-1)
	return nil
}

func (m *member) acknowledged() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.acked
}

func (m *member) stallable() bool { return m.number < m.c.stalled }

// stall stops the member from reading, or lets it go on.
func (m *member) stall(yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if yes {
		m.blocked = make(chan struct{})
	} else if m.blocked != nil {
		close(m.blocked)
		m.blocked = nil
	}
}

func (m *member) close(conn net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conn = nil
	m.c.tally.connected.Add(-1)
	_ = conn.Close()
}

// write sends a text.
func write(conn net.Conn, text string) error {
	frame, err := ws.CompileFrame(ws.MaskFrameInPlace(ws.NewTextFrame([]byte(text))))
	if err != nil {
		return err
	}
	_, err = conn.Write(frame)
	return err
}
