package forward_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/forward"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Println(r.Header.Get("Enswitch-Event-Id"), string(body))
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	target, err := forward.NewHTTP(server.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := forward.Open(dir, &forward.Options{Target: target, Name: "crm"})
	if err != nil {
		fmt.Println(err)
		return
	}

	raw := []byte(`{"class":"call","event":"start","callid":"1234567890.100000"}`)
	var x event.Index
	if err := x.Scan(raw); err != nil {
		fmt.Println(err)
		return
	}
	var ids event.Identifier
	f.Add(forward.AppendRecord(nil, &forward.Item{
		Payload: raw, ID: ids.ID(&x), Class: "call", Event: "start", Key: "1234567890.100000", Received: time.Now(),
	}))
	fmt.Println(f.Drain(context.Background()), "wait")
	if err := f.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 5bbf55ec658768d9f6b75e9af01df0df {"class":"call","event":"start","callid":"1234567890.100000"}
	// 0 wait
}
