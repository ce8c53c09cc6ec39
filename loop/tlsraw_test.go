// Records of TLS by hand, for what no client would send: keys come from the key
// log of a real one.

package loop_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"testing"
)

// The types of records and of handshake messages that are used here.
const (
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
	clientHello     = 1
	keyUpdate       = 24
)

// rawTLS sends records of its own over the connection of a client whose
// handshake is complete.
type rawTLS struct {
	*tap
	t      *testing.T
	client *tls.Conn
	secret []byte // of version 1.3
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

// dialRaw shakes hands in a version. The cipher is one of AES-128-GCM with
// SHA-256.
func dialRaw(t *testing.T, addr string, version uint16) *rawTLS {
	t.Helper()
	w, err := dialPlain(narrow, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	var log bytes.Buffer
	r := &rawTLS{tap: &tap{Conn: w.Conn}, t: t}
	r.client = tls.Client(r.tap, &tls.Config{
		InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, KeyLogWriter: &log,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	})
	if err := r.client.Handshake(); err != nil {
		t.Fatal(err)
	}
	st := r.client.ConnectionState()
	if version == tls.VersionTLS12 {
		r.keys12(secretOf(t, log.String(), "CLIENT_RANDOM"), log.String())
		return r
	}
	if st.CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		t.Fatalf("the cipher is %s: this test needs a processor with AES", tls.CipherSuiteName(st.CipherSuite))
	}
	r.keys13(secretOf(t, log.String(), "CLIENT_TRAFFIC_SECRET_0"))
	return r
}

// secretOf finds a secret in a key log.
func secretOf(t *testing.T, log, label string) []byte {
	t.Helper()
	for line := range strings.Lines(log) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == label {
			b, err := hex.DecodeString(f[2])
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatalf("no %s in %q", label, log)
	return nil
}

// expand is HKDF-Expand-Label (RFC 8446 7.1) without a context.
func expand(secret []byte, label string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(info, "tls13 "+label...)
	b, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	if err != nil {
		panic(err)
	}
	return b
}

func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return a
}

// keys13 begins a generation of keys (RFC 8446 7.3).
func (r *rawTLS) keys13(secret []byte) {
	r.secret, r.seq = secret, 0
	r.aead, r.iv = gcm(expand(secret, "key", 16)), expand(secret, "iv", 12)
}

// keys12 makes the client's key (RFC 5246 6.3) and has its sequence go on
// behind the Finished message.
func (r *rawTLS) keys12(master []byte, log string) {
	client, err := hex.DecodeString(strings.Fields(log)[1])
	if err != nil {
		r.t.Fatal(err)
	}
	server := r.read[11 : 11+32] // of the ServerHello, behind the heads of record and message and the version
	seed := append(append([]byte("key expansion"), server...), client...)
	var block []byte
	for a := seed; len(block) < 40; {
		a = mac(master, a)
		block = append(block, mac(master, append(bytes.Clone(a), seed...))...)
	}
	r.aead, r.iv, r.seq = gcm(block[:16]), block[32:36], 1
}

func mac(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write(data)
	return h.Sum(nil)
}

// record makes a record of version 1.3.
func (r *rawTLS) record(kind byte, data []byte) []byte {
	inner := append(bytes.Clone(data), kind)
	head := []byte{recordData, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(head[3:], uint16(len(inner)+r.aead.Overhead()))
	nonce := bytes.Clone(r.iv)
	for i := range 8 {
		nonce[4+i] ^= byte(r.seq >> (56 - 8*i))
	}
	r.seq++
	return r.aead.Seal(head, nonce, inner, head)
}

// record12 makes a record of version 1.2.
func (r *rawTLS) record12(kind byte, data []byte) []byte {
	explicit := binary.BigEndian.AppendUint64(nil, r.seq)
	extra := append(bytes.Clone(explicit), kind, 3, 3)
	extra = binary.BigEndian.AppendUint16(extra, uint16(len(data)))
	head := binary.BigEndian.AppendUint16([]byte{kind, 3, 3}, uint16(8+len(data)+r.aead.Overhead()))
	r.seq++
	return r.aead.Seal(append(head, explicit...), append(bytes.Clone(r.iv), explicit...), data, extra)
}

// update makes a KeyUpdate and goes over to the next keys.
func (r *rawTLS) update(wantsAnswer bool) []byte {
	m := []byte{keyUpdate, 0, 0, 1, 0}
	if wantsAnswer {
		m[4] = 1
	}
	b := r.record(recordHandshake, m)
	r.keys13(expand(r.secret, "traffic upd", sha256.Size))
	return b
}

func (r *rawTLS) send(records ...[]byte) error {
	_, err := r.Write(bytes.Join(records, nil))
	return err
}

// alerted reads to the end and demands that it is announced by an alert.
func (r *rawTLS) alerted(want string) {
	r.t.Helper()
	_, err := io.Copy(io.Discard, r.client)
	if err == nil || !strings.Contains(err.Error(), want) {
		r.t.Errorf("the connection ends with %v, want %s", err, want)
	}
}

// helloBytes is what a client sends first.
func helloBytes(t testing.TB) []byte {
	t.Helper()
	var first firstWrite
	err := tls.Client(&first, trusting()).Handshake()
	if len(first.data) < 100 || first.data[0] != recordHandshake {
		t.Fatalf("no hello: %x, %v", first.data, err)
	}
	return first.data
}

// firstWrite is a connection that ends after the first write.
type firstWrite struct {
	net.Conn
	data []byte
}

func (c *firstWrite) Write(p []byte) (int, error) {
	c.data = append(c.data, p...)
	return len(p), nil
}

func (*firstWrite) Read([]byte) (int, error) { return 0, io.EOF }

// fragments cuts a record of a handshake into records of one byte.
func fragments(record []byte) (b []byte) {
	for _, v := range record[5:] {
		b = append(b, record[0], record[1], record[2], 0, 1, v)
	}
	return b
}
