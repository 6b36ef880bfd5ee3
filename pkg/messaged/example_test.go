package messaged_test

import (
	"context"
	"fmt"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

func Example() {
	ctx := context.Background()

	// A cluster for tests stands in for a real one here.
	cluster := enswitchtest.NewServer(&enswitchtest.ServerOptions{Authkey: "secret"})
	defer cluster.Close()
	go func() {
		if cluster.WaitClients(ctx, 1) == nil {
			cluster.Send(
				[]byte(`{"class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","callid":"1234567890.100000"}`),
				[]byte(`{"class":"call","event":"start","machine":2,"timestamp":"1234567890.123457","callid":"1234567890.100001"}`),
			)
		}
	}()

	addr, err := messaged.ParseAddress(cluster.HTTPURL()) // or "10.0.0.5"
	if err != nil {
		fmt.Println(err)
		return
	}
	keep, err := filter.Compile(&filter.Options{Class: []string{"call"}, JQ: `.machine == 2`})
	if err != nil {
		fmt.Println(err)
		return
	}

	// Events reconnects by itself. It ends with ctx, or with an error such as
	// a rejected key.
	var fields event.Index
	for ev, err := range messaged.New(addr, nil).Events(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if fields.Scan(ev.Raw) != nil {
			continue // not an event
		}
		kept := false
		keep.Run(&fields, func(filter.Output) bool {
			fmt.Printf("%s.%s %s\n", fields.Class().Text(), fields.Event().Text(), fields.Get("callid").Text())
			kept = true
			return true
		})
		if kept {
			break
		}
	}
	// Output: call.start 1234567890.100001
}
