// What the engine costs by itself: echo, polling, handshakes, broadcasts, on a network that costs nothing.

package transport

import (
	"fmt"
	"strings"
	"testing"
)

func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{20, 1000, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			n := newNull()
			c := n.websocket()
			message := appendFrame(nil, opText, "4"+strings.Repeat("x", size-1))
			buf := make([]byte, len(message))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				n.feed(c, buf, message)
			}
		})
	}
}

// BenchmarkEchoBurst is many messages in one read.
func BenchmarkEchoBurst(b *testing.B) {
	n := newNull()
	c := n.websocket()
	var message []byte
	const burst = 64
	for range burst {
		message = appendFrame(message, opText, `42["echo",12345]`)
	}
	buf := make([]byte, len(message))
	b.ReportAllocs()
	for b.Loop() {
		n.feed(c, buf, message)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/message")
}

// BenchmarkPolling is one poll that waits and one data request whose echo answers it.
func BenchmarkPolling(b *testing.B) {
	n := newNull()
	sid, get, post := n.polled("EIO=4")
	ask, tell := []byte(request("GET", sid, "")), []byte(request("POST", sid, "4hello"))
	buf := make([]byte, 1000)
	b.ReportAllocs()
	for b.Loop() {
		n.feed(get, buf, ask)
		n.feed(post, buf, tell)
		n.rest()
	}
}

func BenchmarkHandshake(b *testing.B) {
	for name, text := range map[string]string{"polling": request("GET", "", ""), "websocket": upgradeRequest("")} {
		b.Run(name, func(b *testing.B) {
			n := newNull()
			buf := make([]byte, 1000)
			request := []byte(text)
			b.ReportAllocs()
			for b.Loop() {
				c := n.engine.Open(nullWire{}, 0)
				n.feed(c, buf, request)
				n.engine.Closed(c)
				if name == "polling" {
					// Its session lives on; end it as its client would not.
					n.engine.EachSession(func(s *Session) { s.Discard(TransportClose, nil) })
				}
				n.rest()
			}
		})
	}
}

// BenchmarkBroadcastDeflate is a broadcast of 1 KB of JSON: plain, compressed, and compressed with the message before as the
// dictionary. The metric is what a receiver costs beyond the message itself.
func BenchmarkBroadcastDeflate(b *testing.B) {
	for _, v := range []struct {
		name   string
		change func(*Options)
	}{{"plain", func(*Options) {}}, {"compressed", deflating(false)}, {"takeover", deflating(true)}} {
		for _, receivers := range []int{1, 1000} {
			b.Run(fmt.Sprintf("%s/%d", v.name, receivers), func(b *testing.B) {
				n := newNullWith(v.change)
				all := n.pmdAudience(receivers, offersAll)
				var texts [16][]byte
				for i := range texts {
					texts[i] = []byte(ticksEvent(1023, i))
				}
				sent, i := n.bytes, 0
				b.ReportAllocs()
				for b.Loop() {
					m := NewShared(texts[i%len(texts)], nil)
					i++
					for _, s := range all {
						s.SendShared(m)
					}
					n.rest()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/receiver")
				b.ReportMetric(float64(n.bytes-sent)/float64(i*len(all)*1024), "ratio")
			})
		}
	}
}

func BenchmarkEchoDeflate(b *testing.B) {
	for _, size := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			n := newNullWith(deflating(false))
			c := n.pmdAudience(1, offersAll)[0].conn
			message := []byte(new(pmdClient).frame(opText, "4"+ticksEvent(size, 1)))
			buf := make([]byte, len(message))
			b.ReportAllocs()
			for b.Loop() {
				n.feed(c, buf, message)
			}
		})
	}
}

func BenchmarkBroadcast(b *testing.B) {
	for _, query := range []string{"EIO=4", "EIO=3"} {
		for name, bins := range map[string][][]byte{"text": nil, "binary": {make([]byte, 100)}} {
			b.Run(query+"/"+name, func(b *testing.B) {
				n := newNull()
				all := n.audience(1000, query)
				b.ReportAllocs()
				for b.Loop() {
					m := NewShared([]byte(`2["news",12345]`), bins)
					for _, s := range all {
						s.SendShared(m)
					}
					n.rest()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/receiver")
			})
		}
	}
}
