// Runnable examples.

package socketio_test

import (
	"fmt"

	"github.com/sioserver/sioserver/proto/socketio"
)

func ExampleDecode() {
	var p socketio.Packet
	if err := socketio.Decode([]byte(`2/chat,7["message",{"text":"hi"},true]`), nil, &p); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %s in %s, answer to %d\n", p.Type, p.Name, p.Namespace, p.ID)
	for arg, rest := socketio.NextArg(p.Args); arg != nil; arg, rest = socketio.NextArg(rest) {
		fmt.Printf("%s\n", arg)
	}
	// Output:
	// EVENT message in /chat, answer to 7
	// {"text":"hi"}
	// true
}

func ExampleAppendArgs() {
	picture := struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}{"dot.png", []byte{0x89, 'P', 'N', 'G'}}
	args, bins, err := socketio.AppendArgs(nil, nil, []any{picture, 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", socketio.AppendEvent(nil, "/", 0, false, len(bins), "upload", args))
	fmt.Printf("%x\n", bins)
	// Output:
	// 51-["upload",{"name":"dot.png","data":{"_placeholder":true,"num":0}},1]
	// [89504e47]
}

func ExampleAssembler() {
	var p socketio.Packet
	if err := socketio.Decode([]byte(`51-["up",{"data":{"_placeholder":true,"num":0}}]`), nil, &p); err != nil {
		fmt.Println(err)
		return
	}
	var a socketio.Assembler
	if err := a.Begin(&p, nil); err != nil {
		fmt.Println(err)
		return
	}
	if complete, err := a.Add([]byte("bytes")); !complete || err != nil {
		fmt.Println(complete, err)
		return
	}
	whole, bins := a.Packet()
	var upload struct{ Data []byte }
	if err := socketio.Unmarshal(whole.Args, bins, &upload); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %s\n", whole.Name, upload.Data)
	// Output:
	// up bytes
}
