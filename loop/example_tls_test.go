// Examples with TLS. That of autocert needs a name in the DNS, so it is compiled and not run; TestAutocert and docs/examples run the same.

package loop_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"

	"golang.org/x/crypto/acme/autocert"

	"github.com/sioserver/sioserver/loop"
)

// Certificates of Let's Encrypt, which are asked for when the first client comes
// and renewed by themselves. The challenge comes by TLS too, on port 443.
func ExampleListener_autocert() {
	manager := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache("certificates"),
		HostPolicy: autocert.HostWhitelist("chat.example.com"),
	}
	server, err := loop.New(loop.Config{
		Listeners: []loop.Listener{{Address: ":443", TLS: manager.TLSConfig()}},
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(server.Run(context.Background()))
}

// A client with TLS, and what its handlers know of that.
func ExampleHandshake_TLS() {
	server, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}, TLS: serving()})
	if err != nil {
		fmt.Println(err)
		return
	}
	server.OnConnection(func(s *loop.Socket) {
		_ = s.Emit("you use", tls.VersionName(s.Handshake().TLS().Version), s.Handshake().Secure())
	})
	defer run(server)()
	w, err := dialTLS(server.Addrs()[0], trusting())
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := openWebSocket(w, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	c := &sio{client}
	exampleClients = append(exampleClients, c)
	if _, err := c.join("/", ""); err != nil {
		fmt.Println(err)
		return
	}
	p, err := c.next()
	fmt.Println(p.text, err)
	// Output: 2["you use","TLS 1.3",true] <nil>
}
