// Laravel Echo: what its connector for Socket.IO sends, and what it expects.

package rules

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/presence"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// The events that Echo sends, and what begins the names of events between
// clients and of channels that the application guards.
const (
	echoSubscribe   = "subscribe"
	echoUnsubscribe = "unsubscribe"
	echoWhisper     = "client event"
	echoClient      = "client-"
	echoPrivate     = "private-"
)

// memberMax is how much an application may say of a member, in bytes.
const memberMax = 16 << 10

// The statuses of subscription_error that are not the application's own.
const (
	statusNoAnswer    = 0 // that says anything
	statusBadChannel  = http.StatusBadRequest
	statusForbidden   = http.StatusForbidden
	statusLargeMember = http.StatusRequestEntityTooLarge
	statusManyRooms   = http.StatusTooManyRequests
)

// echo handles the events of Echo, and reports whether this is one. subscribe
// comes here off the loops, see register.
func (n *namespace) echo(s *loop.Socket, e *loop.Event, st *session.State, c *client, t *table) bool {
	switch string(e.RawName()) {
	case echoSubscribe:
		t.echoes.events.add(s.Loop().Index())
		n.subscribe(s, e, st, c, t)
	case echoUnsubscribe:
		t.echoes.events.add(s.Loop().Index())
		a, p := n.channel(s, e, t)
		if p.Code == "" && a.Channel != s.ID() {
			s.Leave(a.Channel)
			st.Echo.Forget(a.Channel)
		}
		n.echoed(s, e, t, p)
	case echoWhisper:
		t.echoes.events.add(s.Loop().Index())
		n.echoed(s, e, t, n.whisper(s, e, t))
	default:
		return false
	}
	return true
}

// echoed answers a client that wants to know, and counts.
func (n *namespace) echoed(s *loop.Socket, e *loop.Event, t *table, p problem) {
	switch {
	case p.Code != "":
		t.echoes.refused.add(s.Loop().Index())
		deny(e, p)
	case e.WantsAck():
		_ = e.Ack(success{true})
	}
}

// echoArgs is the argument of subscribe and unsubscribe.
type echoArgs struct {
	Channel string `json:"channel"`
	Auth    struct {
		Headers json.RawMessage `json:"headers"`
	} `json:"auth"`
}

// channel reads the argument and checks the channel's name.
func (n *namespace) channel(s *loop.Socket, e *loop.Event, t *table) (a echoArgs, p problem) {
	if err := e.Args().Decode(0, &a); err != nil {
		return a, problem{"bad_request", `the argument is an object with "channel"`}
	}
	if refused := n.checkRoom(s, a.Channel, t); refused != nil {
		return a, *refused
	}
	return a, p
}

// guarded reports whether the application is asked about a channel.
func guarded(channel string) bool {
	return strings.HasPrefix(channel, echoPrivate) || strings.HasPrefix(channel, presence.EchoPrefix)
}

// subscribe lets a client into a channel, or tells it the status that says no.
func (n *namespace) subscribe(s *loop.Socket, e *loop.Event, st *session.State, c *client, t *table) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	a, p := n.channel(s, e, t)
	status := statusBadChannel
	if p.Code == "" {
		status, p = n.enter(ctx, s, st, c, t, &a)
	}
	if p.Code != "" {
		_ = s.Emit("subscription_error", a.Channel, status)
	}
	n.echoed(s, e, t, p)
}

// enter asks who has to be asked, and joins. A client that was in the channel,
// and is denied it now, leaves; one that nobody can decide about stays what it was.
func (n *namespace) enter(ctx context.Context, s *loop.Socket, st *session.State, c *client, t *table, a *echoArgs) (status int, p problem) {
	if !guarded(a.Channel) {
		if _, refused := n.mayJoin(ctx, s, st, c, t, t.room(a.Channel, st.User), roomArgs{Room: a.Channel}); refused != nil {
			return statusForbidden, *refused
		}
		return n.joinChannel(s, a.Channel)
	}
	answer, status, err := n.authorise(ctx, s, st, t, a)
	if err != nil {
		n.engine.log.Debug("a channel of Laravel Echo is refused", "channel", a.Channel, "status", status, "error", err)
		if errors.Is(err, hooks.ErrDenied) {
			s.Leave(a.Channel)
			st.Echo.Forget(a.Channel)
			return status, problem{"forbidden", "the application denies it"}
		}
		return status, problem{"unavailable", message(err)}
	}
	if !strings.HasPrefix(a.Channel, presence.EchoPrefix) {
		return n.joinChannel(s, a.Channel)
	}
	m := answer.member
	if size := len(m.UserID) + len(m.UserInfo); size > memberMax {
		n.engine.log.Warn("an application says too much of a member of a presence channel", "channel", a.Channel, "bytes", size, "max", memberMax)
		return statusLargeMember, problem{"too_large", "what the application says of the member is too large"}
	}
	if was, known := st.Echo.Member(a.Channel); known && was.User() != m.User() {
		s.Leave(a.Channel) // it is somebody else now
	}
	st.Echo.SetMember(a.Channel, m, s.InRoom)
	if status, p = n.joinChannel(s, a.Channel); p.Code != "" {
		st.Echo.Forget(a.Channel)
		return status, p
	}
	list, all, err := n.engine.presence.EchoList(ctx, n.ns, a.Channel, t.echo.MaxMembers)
	switch {
	case err != nil:
		n.engine.log.Warn("the members of a presence channel cannot be listed", "channel", a.Channel, "error", err)
	case !all:
		n.engine.limits[limitMembers].add(s.Loop().Index())
	}
	if err == nil {
		_ = s.Emit("presence:subscribed", a.Channel, list)
	}
	return status, p
}

func (n *namespace) joinChannel(s *loop.Socket, channel string) (status int, p problem) {
	if err := s.Join(channel); err != nil && !errors.Is(err, loop.ErrDisconnected) {
		return statusManyRooms, problem{"max_rooms_per_socket", "the socket is in as many rooms as limits.max_rooms_per_socket"}
	}
	return status, p
}

// permit is what an application says of a channel.
type permit struct{ member session.Member }

// errNoPermit: the application answered with success, and did not say yes.
var errNoPermit = errors.New("the answer is neither true nor an object, or has no channel_data.user_id")

// authorise asks the application, with the head that a browser would send it.
func (n *namespace) authorise(ctx context.Context, s *loop.Socket, st *session.State, t *table, a *echoArgs) (p permit, status int, err error) {
	head := http.Header{"Accept": {"application/json"}, "X-Requested-With": {"XMLHttpRequest"}}
	own := stringsOf(a.Auth.Headers)
	for _, name := range t.echo.Headers {
		name = textproto.CanonicalMIMEHeaderKey(name)
		if v, ok := own[name]; ok {
			head[name] = []string{v}
		} else if v := st.Echo.Headers[name]; len(v) > 0 {
			head[name] = v
		}
	}
	var answer json.RawMessage
	target := hooks.Target{Hook: hooks.Channel, URL: t.echo.AuthURL, Timeout: time.Duration(t.echo.Timeout)}
	_, err = n.engine.hooks.Form(ctx, target, head, url.Values{"channel_name": {a.Channel}, "socket_id": {s.ID()}}, &answer)
	if err != nil {
		var told *hooks.StatusError
		if errors.As(err, &told) {
			return p, told.Code, err
		}
		return p, statusNoAnswer, err
	}
	var said struct {
		ChannelData session.Member `json:"channel_data"`
	}
	object := bytes.HasPrefix(bytes.TrimSpace(answer), []byte("{")) && json.Unmarshal(answer, &said) == nil
	p.member = said.ChannelData
	id := string(p.member.UserID)
	switch isPresence := strings.HasPrefix(a.Channel, presence.EchoPrefix); {
	case isPresence && (!object || id == "" || id == "null" || id == `""`), !isPresence && !object && string(answer) != "true":
		return p, statusNoAnswer, errNoPermit
	}
	return p, 0, nil
}

// stringsOf are the members of a JSON object that are text, as fields of a head.
func stringsOf(object json.RawMessage) map[string]string {
	var all map[string]any
	_ = json.Unmarshal(object, &all) // what is no object has none
	list := map[string]string{}
	for name, v := range all {
		if text, ok := v.(string); ok && !strings.ContainsAny(text, "\r\n\x00") {
			list[textproto.CanonicalMIMEHeaderKey(name)] = text
		}
	}
	return list
}

// whisper sends an event of a client on to the others in its channel.
func (n *namespace) whisper(s *loop.Socket, e *loop.Event, t *table) problem {
	raw := []byte(e.Args().Raw(0))
	channel, event := scalar(member(raw, "channel")), scalar(member(raw, "event"))
	switch most := t.limits.EventNameMax; {
	case channel == "" || !strings.HasPrefix(event, echoClient):
		return problem{"bad_request", `the argument is an object with "channel", "data", and an "event" that begins with client-`}
	case most > 0 && len(event) > most:
		return problem{"bad_request", "the event's name is longer than limits.event_name_max"}
	case !guarded(channel) || !s.InRoom(channel):
		return problem{"forbidden", "the client is not in this private or presence channel"}
	}
	var data any = json.RawMessage("null")
	if e.Args().Attachments() > 0 {
		var a struct{ Data any }
		if err := e.Args().Decode(0, &a); err != nil {
			return problem{"bad_request", "the data cannot be read"}
		}
		data = a.Data
	} else if v := member(raw, "data"); v != nil {
		data = json.RawMessage(v)
	}
	if err := s.To(channel).Emit(event, channel, data); err != nil {
		return problem{"bad_request", "the event cannot be sent"}
	}
	return problem{}
}
