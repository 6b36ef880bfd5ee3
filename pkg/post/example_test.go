package post_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/post"
)

func Example() {
	received := make(chan string, 1)
	handler, err := post.NewHandler(&post.Options{
		Authkey: "secret",
		// Called after the answer has gone out. Raw is valid until it returns.
		OnEvent: func(ev event.Event) { received <- string(ev.Raw) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// For tests. A program serves post.NewServer(handler, nil) on a
	// post.LimitListener, which have the limits against slow senders.
	server := httptest.NewServer(handler)
	defer server.Close()

	// An Enswitch machine sends one request for each event.
	machine := enswitchtest.Poster{URL: server.URL + "/?authkey=secret"}
	err = machine.Post(context.Background(), []byte(`{"class":"call","event":"start","machine":1,"timestamp":"1234567890.123456"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-received)
	// Output: {"class":"call","event":"start","machine":1,"timestamp":"1234567890.123456"}
}
