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
	// A cluster for tests stands in for a real one here.
	cluster := enswitchtest.NewCluster(nil)
	defer cluster.Close()

	addr, err := messaged.ParseAddress(cluster.HTTPURL()) // or "10.0.0.5"
	if err != nil {
		fmt.Println(err)
		return
	}
	var fields event.Index
	for ev, err := range messaged.New(addr, nil).Events(context.Background()) {
		if err != nil { // the key was rejected, say: it connects again by itself
			fmt.Println(err)
			return
		}
		if fields.Scan(ev.Raw) == nil { // else it is not an event
			fmt.Printf("%s.%s on machine %s\n", fields.Class().Text(), fields.Event().Text(), fields.Get("machine").Text())
			break
		}
	}
	// Output: call.start on machine 6
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
	cluster := enswitchtest.NewCluster(nil)
	defer cluster.Close()
	addr, err := messaged.ParseAddress(cluster.HTTPURL())
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
