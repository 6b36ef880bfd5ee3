package messaged_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

func Example() {
	ctx := context.Background()
	url, stop := cluster() // stands in for a real one
	defer stop()

	addr, err := messaged.ParseAddress(url) // or "10.0.0.5"
	if err != nil {
		fmt.Println(err)
		return
	}
	for ev, err := range messaged.New(addr, nil).Events(ctx) {
		if err != nil { // ctx has ended, or the key was rejected, say
			fmt.Println(err)
			return
		}
		fmt.Println(string(ev.Raw))
		break
	}
	// Output: {"class":"call","event":"start","machine":1,"timestamp":"1234567890.123456"}
}

// The kind of an Error decides what to do about it.
func ExampleError() {
	addr, err := messaged.ParseAddress("ws://127.0.0.1:1")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, err := range messaged.New(addr, nil).Events(context.Background()) {
		if e, ok := errors.AsType[*messaged.Error](err); ok && e.Kind == messaged.Refused {
			fmt.Println("does messaged run there?", e)
		}
	}
	// Output: does messaged run there? ws://127.0.0.1:1: connection refused
}

// OnState shows what the connection does, and how long the feed was away.
func ExampleOptions() {
	url, stop := cluster()
	defer stop()
	addr, err := messaged.ParseAddress(url)
	if err != nil {
		fmt.Println(err)
		return
	}
	client := messaged.New(addr, &messaged.Options{
		Retries: 5,
		OnState: func(s messaged.State) {
			if s.Status == messaged.Connected && !s.Since.IsZero() {
				fmt.Println("the feed was away for", s.Until.Sub(s.Since))
				return
			}
			fmt.Println(s.Status)
		},
		OnReject: func(ev event.Event, err error) { fmt.Printf("%v: %s…\n", err, ev.Raw) },
	})
	for range client.Events(context.Background()) {
		break
	}
	// Output:
	// connecting
	// connected
}

// cluster is a messaged that sends each client one event.
func cluster() (url string, stop func()) {
	var server *enswitchtest.Server
	ready := make(chan struct{})
	server = enswitchtest.NewServer(&enswitchtest.ServerOptions{
		Authkey: "secret",
		OnClient: func(_ string, connected bool, _ error) {
			if <-ready; connected {
				server.Send([]byte(`{"class":"call","event":"start","machine":1,"timestamp":"1234567890.123456"}`))
			}
		},
	})
	close(ready)
	return server.HTTPURL(), server.Close
}
