// The acceptance of the tool: what it must see, and what it must not believe.

package coord_test

import (
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/server"
)

// TestCoordinatedOmission: a server that stands still for three tenths of the
// time. The open loop must show it at p99, by as many late answers as messages
// were due meanwhile; the closed loop sends next to nothing then and sees a
// handful, which is why it is labelled.
func TestCoordinatedOmission(t *testing.T) {
	t.Parallel()
	const stall, length, sessions = 300 * time.Millisecond, 3 * time.Second, 2
	cfg := server.Config{Faults: server.Faults{StallFor: stall, StallEvery: time.Second}}
	url, _ := serve(t, cfg)
	open := run(t, short(url, coord.Spec{Scenario: "echo", Rate: 1000, Duration: coord.Duration(length)}))
	if p99 := time.Duration(open.Summary.Latency["response"].P99); p99 < stall*2/3 {
		t.Errorf("open loop: response p99 is %s though the server stalls for %s", p99, stall)
	}
	if open.Summary.Closed || open.Summary.Loss != 0 {
		t.Errorf("open loop: closed %t, %d lost", open.Summary.Closed, open.Summary.Loss)
	}
	closed := run(t, short(url, coord.Spec{Scenario: "echo", N: sessions, Closed: true, Duration: coord.Duration(length)}))
	if l := closed.Summary.Latency["response"]; time.Duration(l.Max) < stall*2/3 || !closed.Summary.Closed {
		t.Errorf("closed loop: max is %s, labelled %t", time.Duration(l.Max), closed.Summary.Closed)
	}
	// However slow this machine is, a session cannot have more late answers one
	// after the other.
	most := int64(sessions * (length/(stall/2) + 1))
	seen, hidden := lateAnswers(t, open, stall/2), lateAnswers(t, closed, stall/2)
	if hidden == 0 || hidden > most || seen < 4*most {
		t.Errorf("%d late answers in the open loop, %d in the closed one, which can have %d", seen, hidden, most)
	}
}

// lateAnswers is how many answers took longer than a limit.
func lateAnswers(t *testing.T, r *report.Result, limit time.Duration) (late int64) {
	t.Helper()
	h, err := hdrhistogram.Decode([]byte(r.Histograms["response"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, bar := range h.Distribution() {
		if bar.From >= int64(limit) {
			late += bar.Count
		}
	}
	return late
}

// TestFaultsCountedExactly: every message that the server left out, doubled or
// swapped, and no other.
func TestFaultsCountedExactly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		faults server.Faults
		spec   coord.Spec
	}{
		{"none", server.Faults{}, coord.Spec{Scenario: "echo", Rate: 2000}},
		{"lost", server.Faults{Drop: 97}, coord.Spec{Scenario: "echo", Rate: 2000}},
		{"doubled", server.Faults{Double: 53}, coord.Spec{Scenario: "echo", Rate: 2000}},
		{"swapped", server.Faults{Swap: 61}, coord.Spec{Scenario: "echo", Rate: 2000}},
		{"all", server.Faults{Drop: 97, Double: 53, Swap: 61}, coord.Spec{Scenario: "echo", Rate: 2000}},
		{"all, polling", server.Faults{Drop: 97, Double: 53, Swap: 61}, coord.Spec{Scenario: "polling", Rate: 1000}},
		{"all, EIO 3", server.Faults{Drop: 97, Double: 53, Swap: 61}, coord.Spec{Scenario: "echo", Rate: 1000, EIO: 3}},
		// One sender: what is swapped with another's message is not out of order.
		{"all, broadcast to two processes", server.Faults{Drop: 97, Double: 53, Swap: 61}, coord.Spec{Scenario: "broadcast", Rate: 60, Procs: 2}},
		{"all, rooms", server.Faults{Drop: 97, Double: 53, Swap: 61}, coord.Spec{Scenario: "rooms", Rate: 200, RoomSize: 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url, stop := serve(t, server.Config{Faults: c.faults})
			c.spec.Drain = coord.Duration(time.Second)
			r := run(t, short(url, c.spec))
			st := stop()
			s := &r.Summary
			// A message that waits for a next one at the end is lost to the client.
			lost := int64(st.Dropped + st.Held)
			if s.Loss != lost || s.Duplicates != int64(st.Doubled) || s.Reordered != int64(st.Swapped) {
				t.Errorf("seen: %d lost, %d doubled, %d reordered; made: %d, %d, %d", s.Loss, s.Duplicates, s.Reordered, lost, st.Doubled, st.Swapped)
			}
			if c.faults.Drop > 0 && st.Dropped == 0 || c.faults.Double > 0 && st.Doubled == 0 || c.faults.Swap > 0 && st.Swapped == 0 {
				t.Errorf("the server made no faults: %+v", st)
			}
			if s.Sent == 0 || s.Received != s.Expected-s.Loss+s.Duplicates {
				t.Errorf("%d sent, %d received of %d", s.Sent, s.Received, s.Expected)
			}
		})
	}
}

// TestLateIsNotLost: a message that comes far too late cannot be told from a
// duplicate, but nor is it lost.
func TestLateIsNotLost(t *testing.T) {
	t.Parallel()
	url, stop := serve(t, server.Config{Faults: server.Faults{Swap: 601, Behind: 100}})
	r := run(t, short(url, coord.Spec{Scenario: "echo", N: 5, Rate: 4000, Drain: coord.Duration(2 * time.Second)}))
	st := stop()
	s := &r.Summary
	if st.Swapped == 0 || s.Stale != int64(st.Swapped) || s.Loss != int64(st.Held) || s.Duplicates != 0 {
		t.Errorf("%d late beyond knowing, %d lost, %d doubled; made: %d late, %d kept back", s.Stale, s.Loss, s.Duplicates, st.Swapped, st.Held)
	}
}

// TestCountsAgree: the generator's counts, the server's own and the kernel's
// bytes.
func TestCountsAgree(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		spec coord.Spec
		// out is messages from the server for each one from a client.
		out int64
	}{
		{"echo", coord.Spec{Scenario: "echo", Rate: 2000}, 1},
		{"acknowledged", coord.Spec{Scenario: "echo", Rate: 1000, Ack: true}, 2},
		{"raw websocket", coord.Spec{Scenario: "echo", Rate: 1000, Transport: job.RawWS}, 1},
		{"broadcast", coord.Spec{Scenario: "broadcast", Rate: 50}, 20},
		{"raw websocket to all", coord.Spec{Scenario: "broadcast", Rate: 50, Transport: job.RawWS}, 20},
		{"closed loop", coord.Spec{Scenario: "echo", Closed: true, Inflight: 4}, 1},
		{"two processes", coord.Spec{Scenario: "echo", Rate: 1000, Procs: 2}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url, stop := serve(t, server.Config{FanOut: c.spec.Scenario == "broadcast"})
			r := run(t, short(url, c.spec))
			st := stop()
			s := &r.Summary
			if s.Sent != int64(st.Received) || s.Received+s.Extra != int64(st.Sent) || s.Sent*c.out != int64(st.Sent) {
				t.Errorf("here %d sent, %d received, %d beside; there %d received, %d sent", s.Sent, s.Received, s.Extra, st.Received, st.Sent)
			}
			if s.Connections.Opened != int64(r.Summary.Connections.Asked) || int64(st.Accepted) != s.Connections.Opened+1 {
				t.Errorf("%d sessions here, %d connections there, one of them the probe", s.Connections.Opened, st.Accepted)
			}
			// The server has also answered the probe, and may have said more at the end.
			if in, out := float64(st.BytesIn), float64(s.BytesOut); in < out || in > out*1.1+1000 {
				t.Errorf("%.0f bytes left here, %.0f came there", out, in)
			}
			// The rate is about the window, which is a part of the run.
			if got := s.Rates.Answered * s.WindowSeconds; got <= 0 || got > float64(s.Received) {
				t.Errorf("%.0f answers in the window, %d in all", got, s.Received)
			}
		})
	}
}

// TestRawBytesAgree: TCP has no messages that the server could count, but bytes.
func TestRawBytesAgree(t *testing.T) {
	t.Parallel()
	url, stop := serve(t, server.Config{FanOut: true})
	r := run(t, short(url, coord.Spec{Scenario: "broadcast", Rate: 50, Size: 100, Transport: job.RawTCP}))
	st := stop()
	s := &r.Summary
	if s.Loss != 0 || s.Received != 20*s.Sent || int64(st.BytesIn) != 100*s.Sent || int64(st.BytesOut) != 100*s.Received {
		t.Errorf("here %d sent, %d received, %d lost; there %d bytes in, %d out", s.Sent, s.Received, s.Loss, st.BytesIn, st.BytesOut)
	}
}

// TestGeneratorBound: more than one process can send. The run must not pass.
func TestGeneratorBound(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, server.Config{})
	r := run(t, short(url, coord.Spec{Scenario: "echo", N: 50, Rate: 20e6, Drain: coord.Duration(10 * time.Millisecond)}))
	if r.Valid.OK {
		t.Fatalf("20 million messages a second are valid: lag p99 %s, busiest worker %.0f %%", time.Duration(r.Generator.LagP99), r.Generator.WorkerMax)
	}
	err := coord.Judge(r, false)
	if coord.CodeOf(err) != coord.ExitInvalid || !strings.Contains(err.Error(), "generator-bound") {
		t.Errorf("verdict %v", err)
	}
	if err := coord.Judge(r, true); err != nil {
		t.Errorf("accepted all the same: %v", err)
	}
}

// TestObjectives: a missed objective is exit 3, a met one is not.
func TestObjectives(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, server.Config{Faults: server.Faults{Drop: 10}})
	spec := coord.Spec{Scenario: "echo", Rate: 500, SLO: "loss==0,connected==100%", Drain: coord.Duration(300 * time.Millisecond)}
	r := run(t, short(url, spec))
	if err := coord.Judge(r, true); coord.CodeOf(err) != coord.ExitSLO || !strings.Contains(err.Error(), "loss==0") {
		t.Errorf("verdict %v", err)
	}
	if len(r.SLO) != 2 || r.SLO[0].Pass || !r.SLO[1].Pass {
		t.Errorf("objectives %+v", r.SLO)
	}
	spec.SLO = "loss>0"
	if err := coord.Judge(run(t, short(url, spec)), true); err != nil {
		t.Errorf("verdict %v", err)
	}
}
