// Raw bytes on a fresh connection: whatever they are and however they are cut, the same comes out.

package transport

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var (
	datePattern     = regexp.MustCompile(`Date: [^\r]*\r\n`)
	continuePattern = regexp.MustCompile(`HTTP/1.1 100 Continue\r\n\r\n`)
)

// swallow feeds bytes to a fresh connection and returns what came out, without what differs from run to run: dates, ids,
// and the invitation to send a body, which goes to those who wait with it.
func swallow(t *testing.T, b []byte, cut func([]byte) [][]byte) (out string, told string) {
	t.Helper()
	k := newKernel(t, 1, func(o *Options) { deflating(true)(o); o.Deflate.Threshold = 10 })
	k.onMessage = echo
	c := k.dial(0)
	c.cut = cut
	c.push(b)
	k.run()
	got := c.take()
	if limit := 16*len(b) + 1000; len(got) > limit && !bytes.Contains(b, []byte("deflate")) {
		t.Errorf("%d bytes in, %d out", len(b), len(got))
	}
	got = datePattern.ReplaceAll(got, nil)
	got = bytes.ReplaceAll(got, []byte(`\"`), []byte(`"`)) // of scripts
	got = sidPattern.ReplaceAll(got, []byte("sid"))
	got = continuePattern.ReplaceAll(got, nil)
	ended := c.over || c.shut
	c.hangUp()
	told = fmt.Sprint(k.log, ended)
	k.finish()
	return string(got), told
}

func FuzzConn(f *testing.F) {
	var vectors []httpVector
	loadJSON(f, "testdata/http.json", &vectors)
	loadJSON(f, "http1/testdata/vectors.json", &vectors)
	for _, v := range vectors {
		if len(v.Raw) < 2000 {
			f.Add([]byte(v.Raw), []byte{1, 7, 30})
		}
	}
	var frames []wsVector
	loadJSON(f, "testdata/ws.json", &frames)
	for _, v := range frames {
		if b, err := v.bytes(); err == nil && len(b) < 300 {
			f.Add(append([]byte(upgradeRequest("")), b...), []byte{250, 3, 1})
		}
	}
	for _, s := range []string{
		request("POST", unknownSID, "4a") + chunked(unknownSID, "4", "b") + probe,
		request("GET", "", "", "Connection: close") + probe,
		upgradeRequest("") + frame(opText, "4a") + frame(1, "4") + frame(opPing, "") + frame(0x80, "b") + frame(opClose, ""),
		upgradeRequest("&sid="+unknownSID) + frame(opText, "2probe"),
		upgradeRequest("", "Sec-WebSocket-Extensions: "+offersAll) + newPMDClient(f, "permessage-deflate").frame(opText, "4"+ticksEvent(50, 1)) +
			frame(0x42, "\xcb\x04") + frame(0x80, "\x81\x00") + frame(opText, "4"+ticksEvent(40, 1)),
		as3(upgradeRequest("")) + frame(opText, "2") + frame(opBinary, "\x04a") + frame(opText, "b4AQI=") + frame(opText, "3"),
		as3(upgradeRequest("&b64=1")) + frame(opBinary, "\x04a") + frame(opBinary, ""),
		as3(request("GET", "", "")) + as3(request("POST", unknownSID, "2:4a")),
		strings.Replace(request("GET", "", ""), "EIO=4", "EIO=4&j=1%3C", 1) + probe,
	} {
		f.Add([]byte(s), []byte{10, 100, 1, 1, 1})
	}
	f.Fuzz(func(t *testing.T, b, cuts []byte) {
		if len(b) > 1<<16 {
			return
		}
		out, told := swallow(t, b, nil)
		again, toldAgain := swallow(t, b, func(b []byte) (pieces [][]byte) {
			for i := 0; len(b) > 0; i++ {
				n := len(b)
				if i < len(cuts) {
					n = min(n, 1+int(cuts[i]))
				}
				pieces = append(pieces, b[:n])
				b = b[n:]
			}
			return pieces
		})
		if out != again || told != toldAgain {
			t.Errorf("whole %q %s\ncut %q %s", clip([]byte(out)), told, clip([]byte(again)), toldAgain)
		}
		if bytes.Contains([]byte(out), []byte{0xdb, 0xdb, 0xdb, 0xdb}) && !bytes.Contains(b, []byte{0xdb}) {
			t.Error("bytes of a read that was over came out")
		}
	})
}
