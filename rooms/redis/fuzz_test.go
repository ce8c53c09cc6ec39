// Messages that are not what they should be, for the decoders alone.

package redis

import (
	"runtime"
	"testing"

	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// decodeAll reads a message as everything it could be.
func decodeAll(b []byte) {
	_, _ = readBroadcast(b, "/")
	if r, err := readRequest(b); err == nil {
		_, _ = wire.ReadPacket(r.packet, "/", "/")
		_, _ = wire.Event(r.Data)
	}
	if r, err := readResponse(b); err == nil {
		_, _ = listOf[wire.Socket](r.Sockets)
		_, _ = listOf[wire.Name](r.Rooms)
		_, _ = wire.ReadAnswer(r.packet)
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range redistest.Recordings(f, "testdata/*.json") {
		f.Add(r.Payload)
		f.Add(r.Payload[:len(r.Payload)/2])
	}
	f.Fuzz(func(_ *testing.T, b []byte) { decodeAll(b) })
}

// TestDecodeMemory: a message that promises more than it has makes nobody
// allocate for the promise.
func TestDecodeMemory(t *testing.T) {
	const most = 4 << 20
	for _, b := range [][]byte{
		[]byte("\xdd\xff\xff\xff\xff"), []byte("\xdf\xff\xff\xff\xff"), []byte("\xc6\xff\xff\xff\xff"), []byte("\xdb\xff\xff\xff\xff"),
		[]byte("\x93\xa1a\xdd\xff\xff\xff\xff"), []byte("\x93\xa1a\x83\xa4type\x02\xa4data\xdd\xff\xff\xff\xff"),
		[]byte("\x83\xa4type\x07\xa9requestId\xdb\xff\xff\xff\xff"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		decodeAll(b)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > most {
			t.Errorf("%q: %d bytes allocated", b, n)
		}
	}
}
