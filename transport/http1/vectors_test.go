// The shared request vectors, each run whole, cut, repeated and with a good request behind it.

package http1_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// vector is one case: bytes, and what the connection must do with them.
type vector struct {
	Name   string
	Group  string
	Raw    rawBytes
	Expect struct {
		Class     string // accept, reject or close
		Status    []int
		Close     bool
		Responses int
		AppError  bool `json:"app_error"`
	}
}

// rawBytes is written as a string with one byte for each code point, or as a list of such strings and repeated ones.
type rawBytes []byte

func (b *rawBytes) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		text = append(append([]byte{'['}, text...), ']')
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	for _, part := range parts {
		piece := struct {
			Rep string
			N   int
		}{N: 1}
		into := any(&piece)
		if part[0] == '"' {
			into = &piece.Rep
		}
		if err := json.Unmarshal(part, into); err != nil {
			return err
		}
		*b = append(*b, bytes.Repeat(latin1(piece.Rep), piece.N)...)
	}
	return nil
}

// latin1 makes one byte of each code point up to U+00FF.
func latin1(s string) []byte {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

func loadVectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

func TestVectors(t *testing.T) {
	seen := 0
	for _, v := range loadVectors(t) {
		if v.Group == "upgrade" {
			continue // TestUpgradeHeads
		}
		seen++
		t.Run(v.Name, func(t *testing.T) { checkVector(t, v) })
	}
	if seen != 193 {
		t.Errorf("%d vectors, want 193", seen)
	}
}

// checkVector runs one case in every way the connection may meet it.
func checkVector(t *testing.T, v vector) {
	whole := serve(v.Raw)
	checkTranscript(t, v, whole, max(v.Expect.Responses, 1))

	if got := serve(eachByte(v.Raw)...); !got.equal(whole) {
		t.Errorf("byte by byte %v, whole %v", got, whole)
	}
	random := rand.New(rand.NewPCG(1, uint64(len(v.Raw))))
	for range 10 {
		if got := serve(cutAtRandom(random, v.Raw)...); !got.equal(whole) {
			t.Errorf("cut at random %v, whole %v", got, whole)
		}
	}

	persistent := v.Expect.Class == "accept" && !v.Expect.Close
	if persistent {
		got := serve(v.Raw, v.Raw, v.Raw)
		want := slices.Concat(whole.statuses, whole.statuses, whole.statuses)
		if !slices.Equal(got.statuses, want) || got.closed {
			t.Errorf("three times on one connection %v, want %v", got, want)
		}
	}
	if v.Expect.Class == "close" {
		return // half a request: what is glued behind belongs to it
	}
	glued := serve(slices.Concat([]byte(v.Raw), []byte("GET /glued HTTP/1.1\r\nHost: a\r\n\r\n")))
	want := whole.statuses
	if persistent {
		want = append(slices.Clone(want), 404)
	}
	if !slices.Equal(glued.statuses, want) {
		t.Errorf("with a request behind: %v, want %v", glued.statuses, want)
	}
}

func checkTranscript(t *testing.T, v vector, got transcript, responses int) {
	t.Helper()
	if v.Expect.Class == "close" {
		if len(got.statuses) != 0 || !got.closed {
			t.Errorf("got %v, want no answer and an end", got)
		}
		return
	}
	if len(got.statuses) != responses {
		t.Fatalf("got %v, want %d answers", got, responses)
	}
	if !slices.Contains(v.Expect.Status, got.statuses[0]) {
		t.Errorf("got %v, want one of %v", got, v.Expect.Status)
	}
	if got.closed != v.Expect.Close {
		t.Errorf("got %v, want closed %v", got, v.Expect.Close)
	}
	if refused := got.fault != nil; refused != (v.Expect.Class == "reject") {
		t.Errorf("got fault %v, want class %s", got.fault, v.Expect.Class)
	}
}
