// Runnable examples.

package msgpack_test

import (
	"fmt"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
)

func ExampleDecode() {
	msg := []byte("\x84\xa4type\x02\xa4data\x93\xa7message\x81\xa4text\xa2hi\xc3\xa2id\x07\xa3nsp\xa5/chat")
	var p socketio.Packet
	if err := msgpack.Decode(msg, nil, &p); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %s in %s, answer to %d\n", p.Type, p.Name, p.Namespace, p.ID)
	arg, rest := msgpack.NextArg(p.Args)
	var message struct {
		Text string `json:"text"`
	}
	if err := msgpack.Unmarshal(arg, &message); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v, %d bytes left\n", message, len(rest))
	// Output:
	// EVENT message in /chat, answer to 7
	// {Text:hi}, 1 bytes left
}

func ExampleAppendArgs() {
	picture := struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}{"dot.png", []byte{0x89, 'P', 'N', 'G'}}
	args, err := msgpack.AppendArgs(nil, []any{picture, 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", msgpack.AppendEvent(nil, "/", 0, false, "upload", args))
	// Output:
	// "\x83\xa4type\x02\xa4data\x93\xa6upload\x82\xa4name\xa7dot.png\xa4data\xc4\x04\x89PNG\x01\xa3nsp\xa1/"
}

func ExampleToJSON() {
	args, err := msgpack.FromJSON(nil, []byte(`{"name":"dot.png","data":{"_placeholder":true,"num":0}},1`), [][]byte{{1, 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", args)
	text, bins, err := msgpack.ToJSON(nil, nil, args)
	fmt.Printf("%s %v %v\n", text, bins, err)
	// Output:
	// "\x82\xa4name\xa7dot.png\xa4data\xc4\x02\x01\x02\x01"
	// {"name":"dot.png","data":{"_placeholder":true,"num":0}},1 [[1 2]] <nil>
}
