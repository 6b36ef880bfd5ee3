package enswitchtest_test

import (
	"context"
	"fmt"

	"github.com/gorilla/websocket"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

func Example() {
	s := enswitchtest.NewServer(&enswitchtest.ServerOptions{Authkey: "secret"})
	defer s.Close()

	client, _, err := websocket.DefaultDialer.Dial(s.URL(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	// A client that has dialled may not be counted yet.
	if err := s.WaitClients(context.Background(), 1); err != nil {
		fmt.Println(err)
		return
	}
	s.Send([]byte(`{"class":"call","event":"start","timestamp":"1234567890.123456"}`))

	_, raw, err := client.ReadMessage()
	fmt.Println(string(raw), err)
	// Output: {"class":"call","event":"start","timestamp":"1234567890.123456"} <nil>
}

func ExampleGenerator() {
	g := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Seed: 1, Machines: 1})
	fmt.Println(string(g.Next().Raw))
	// Output: {"asteriskid":"1234567890.1","callid":"1234567890.100000","class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000"}
}

func ExampleForm() {
	body, err := enswitchtest.Form([]byte(`{"class":"call","event":"start","machine":1,"timestamp":"1234567890.123456"}`))
	fmt.Println(string(body), err)
	// Output: class=call&event=start&machine=1&timestamp=1234567890.123456 <nil>
}
