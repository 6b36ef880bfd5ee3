package stream_test

import (
	"context"
	"fmt"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

// A worker of a group: what it does not acknowledge comes again.
func ExampleReader() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	addr, err := stream.ParseAddress("nats://10.0.0.7,10.0.0.8/enswitch")
	if err != nil {
		fmt.Println(err)
		return
	}
	r := stream.NewReader(addr, &stream.ReaderOptions{Group: "billing", FromTime: time.Now().Add(-time.Hour)})
	defer func() { _ = r.Close() }()
	for m, err := range r.Events(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d %s\n", m.Sequence, m.Raw)
		r.Ack(m.Sequence)
	}
}
