package session

import (
	"encoding/json"
	"net/http"
	"testing"
)

func raw(text string) json.RawMessage { return json.RawMessage(text) }

// TestEchoMembers: who a client is in its channels is known to other servers and to
// the socket that it comes back as, and forgotten with the channel.
func TestEchoMembers(t *testing.T) {
	st := &State{User: "u", Echo: NewEcho(http.Header{"Cookie": {"a"}}, nil)}
	all := func(string) bool { return true }
	st.Echo.SetMember("presence-1", Member{raw("7"), raw(`{"n":1}`)}, all)
	st.Echo.SetMember("presence-2", Member{raw(`"x"`), nil}, all)
	text, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	var there State
	if err := json.Unmarshal(text, &there); err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]*Echo{"another server": there.Echo, "a clone": st.Clone().Echo, "one that comes back": NewEcho(nil, st.Echo)} {
		one, _ := e.Member("presence-1")
		two, known := e.Member("presence-2")
		if one.User() != "7" || string(one.UserInfo) != `{"n":1}` || two.User() != "x" || !known {
			t.Errorf("%s: %s %s", name, one, two)
		}
	}
	st.Echo.Forget("presence-2")
	if _, known := st.Echo.Member("presence-2"); known {
		t.Error("it is known still")
	}
	st.Echo.SetMember("presence-3", Member{raw("7"), nil}, func(channel string) bool { return channel != "presence-1" })
	if n := len(st.Echo.all()); n != 1 {
		t.Errorf("%d are known, of channels it has left too", n)
	}
	// Without the preset there is nothing, and nothing of it is told.
	var none *Echo
	none.Forget("a")
	if _, known := none.Member("a"); known || none.all() != nil {
		t.Error("of nothing something is known")
	}
	if text, err := json.Marshal(&State{User: "u"}); err != nil || string(text) != `{"user":"u"}` {
		t.Errorf("%s, %v", text, err)
	}
}
