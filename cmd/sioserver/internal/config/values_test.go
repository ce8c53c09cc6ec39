// The types of single values: what they read, refuse and write.

package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestValues(t *testing.T) {
	for _, v := range []struct {
		to   encoding.TextUnmarshaler
		text string
		want any // a value, or part of an error
		back string
	}{
		{new(Duration), "150ms", Duration(150 * time.Millisecond), "150ms"},
		{new(Duration), "25s", Duration(25 * time.Second), "25s"},
		{new(Duration), "2m", Duration(2 * time.Minute), "2m"},
		{new(Duration), "1h30m", Duration(90 * time.Minute), "1h30m"},
		{new(Duration), "12h", Duration(12 * time.Hour), "12h"},
		{new(Duration), "7d", Duration(168 * time.Hour), "168h"},
		{new(Duration), "0", Duration(0), "0s"},
		{new(Duration), "25", "25s or 25ms", ""},
		{new(Duration), "-1s", "negative", ""},
		{new(Duration), "soon", "it is a time", ""},
		{new(Duration), "999999999h", "it is a time", ""},
		{new(Size), "64KiB", Size(65536), "64KiB"},
		{new(Size), "1MB", Size(1000000), "1MB"},
		{new(Size), "1 mb", Size(1000000), "1MB"},
		{new(Size), "1.5GiB", Size(1536 << 20), "1536MiB"},
		{new(Size), "100", Size(100), "100B"},
		{new(Size), "0", Size(0), "0B"},
		{new(Size), "1.5B", "whole number", ""},
		{new(Size), "-1KB", "negative", ""},
		{new(Size), "9e18TB", "more than can be counted", ""},
		{new(Size), "big", "it is a size", ""},
		{new(Size), "KB", "it is a size", ""},
		{new(Size), "NaN", "it is a size", ""},
		{new(Rate), "500/s", Rate(500), "500/s"},
		{new(Rate), "30/m", Rate(0.5), "30/m"},
		{new(Rate), "9/h", Rate(0.0025), "9/h"},
		{new(Rate), "2.5/s", Rate(2.5), "150/m"},
		{new(Rate), "0", Rate(0), "0/s"},
		{new(Rate), "5", "5/s or 5/m", ""},
		{new(Rate), "5/d", "it is a rate", ""},
		{new(Rate), "-5/s", "negative", ""},
		{new(Rate), "NaN/s", "it is a rate", ""},
		{new(Percent), "85%", Percent(0.85), "85%"},
		{new(Percent), "12.5 %", Percent(0.125), "12.5%"},
		{new(Percent), "0", Percent(0), "0%"},
		{new(Percent), "85", "percent sign", ""},
		{new(Percent), "101%", "from 0% to 100%", ""},
		{new(Percent), "most", "it is a share", ""},
	} {
		err := v.to.UnmarshalText([]byte(v.text))
		if want, wrong := v.want.(string); wrong {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%T %q: %v, want an error with %q", v.to, v.text, err, want)
			}
			continue
		}
		got := fmt.Sprint(v.to)
		if err != nil || got != v.back {
			t.Errorf("%T %q: %s, %v; want %s", v.to, v.text, got, err, v.back)
		}
		if want := fmt.Sprint(v.want); got != want {
			t.Errorf("%T %q: %s, want %s", v.to, v.text, got, want)
		}
	}
}

func TestSecretsStaySecret(t *testing.T) {
	const text = "correct horse battery staple"
	s := struct {
		One  Secret
		List Secrets
		URL  Secret
		None Secret
	}{text, Secrets{text}, "redis://user:" + "horse@127.0.0.1:6379/0?sentinel_password=horse&db=1", ""}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", s)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("it", "one", s.One, "list", s.List, "all", s)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("it", "one", s.One, "list", s.List, "all", s)
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	for _, leak := range []string{text, "horse", fmt.Sprintf("%x", text)} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q in:\n%s", leak, out.String())
		}
	}
	if got := s.URL.String(); got != "redis://redacted@127.0.0.1:6379/0?db=1&sentinel_password=redacted" {
		t.Error(got)
	}
	if s.None.String() != "" || s.One.String() != Redacted {
		t.Errorf("%q, %q", s.None.String(), s.One.String())
	}
}
