package enswitchtest_test

import (
	"context"
	"encoding/json"
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

// The calls of a Cluster come by themselves, with the Faults that a test wants.
func ExampleCluster() {
	cluster := enswitchtest.NewCluster(&enswitchtest.ClusterOptions{Faults: enswitchtest.Faults{Duplicates: 0.1}})
	defer cluster.Close()
	client, _, err := websocket.DefaultDialer.Dial(cluster.URL(), nil) // the client to test
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	_, raw, err := client.ReadMessage()
	fmt.Println(json.Valid(raw), err)
	// Output: true <nil>
}

func ExampleParseScenario() {
	scenario, err := enswitchtest.ParseScenario([]byte(`
flows:
  - name: answered
    steps:
      - event: start
      - {event: answer, after: 2s}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	g := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Scenario: scenario, Rate: 0.01})
	first, second := g.Next(), g.Next()
	fmt.Println(second.At.Sub(first.At))
	// Output: 2s
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

// A Replay plays recorded events at the pace of their timestamps: here a thousand
// times as fast.
func ExampleReplay() {
	r := enswitchtest.NewReplay(&enswitchtest.ReplayOptions{Speed: 1000})
	for _, raw := range []string{
		`{"class":"call","event":"start","timestamp":"1234567890.000000"}`,
		`{"class":"call","event":"start","timestamp":"1234567891.000000"}`,
	} {
		event, err := r.Next(context.Background(), []byte(raw)) // the second comes after a millisecond
		fmt.Println(string(event), err)
	}
	// Output:
	// {"class":"call","event":"start","timestamp":"1234567890.000000"} <nil>
	// {"class":"call","event":"start","timestamp":"1234567891.000000"} <nil>
}
