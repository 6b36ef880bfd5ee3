package post_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/post"
)

// A Handler is an http.Handler: any server can serve it.
func Example() {
	received := make(chan string, 1)
	handler, err := post.NewHandler(&post.Options{
		Authkey: "secret",
		// Raw is valid until OnEvent returns.
		OnEvent: func(ev event.Event) { received <- string(ev.Raw) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	// An Enswitch machine sends one request for each event.
	resp, err := http.PostForm(server.URL+"/?authkey=secret", url.Values{"class": {"call"}, "event": {"start"}, "machine": {"1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.Status, <-received)
	// Output: 200 OK {"class":"call","event":"start","machine":1}
}

// NewServer and LimitListener have the limits that a port needs which others can
// reach.
func ExampleNewServer() {
	handler, err := post.NewHandler(&post.Options{OnEvent: func(ev event.Event) { fmt.Println(string(ev.Raw)) }})
	if err != nil {
		fmt.Println(err)
		return
	}
	onFault := func(f post.Fault) { fmt.Println(f.Remote, f.Text) }
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := post.NewServer(handler, onFault)
	served := make(chan error, 1)
	go func() { served <- server.Serve(post.LimitListener(listener, post.MaxConns, onFault)) }()

	resp, err := http.PostForm("http://"+listener.Addr().String(), url.Values{"class": {"call"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()

	fmt.Println(server.Shutdown(context.Background()), <-served)
	handler.Wait() // until what was answered has been handed on
	// Output:
	// {"class":"call"}
	// <nil> http: Server closed
}

func ExampleAppendJSON() {
	form := []byte("class=call&machine=1&name=Zo%C3%AB+%26+co&machine=2")
	json, note, err := post.AppendJSON(nil, form, nil)
	fmt.Println(string(json), err)
	fmt.Println(note)
	// Output:
	// {"class":"call","machine":1,"name":"Zoë & co"} <nil>
	// repeated field
}
