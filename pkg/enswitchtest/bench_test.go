package enswitchtest

import (
	"fmt"
	"io"
	"testing"

	"github.com/gorilla/websocket"
)

// BenchmarkFlood sends a block of prepared frames to a client that only reads.
func BenchmarkFlood(b *testing.B) {
	const events = 4096
	g := NewGenerator(nil)
	var block []byte
	for range events {
		block = AppendFrame(block, true, websocket.TextMessage, g.Next().Raw)
	}
	benchmarkSend(b, events, int64(len(block)), func(s *Server) { s.SendRaw(block) })
}

// BenchmarkSend makes the frames of each block of events.
func BenchmarkSend(b *testing.B) {
	for _, events := range []int{1, 64, 4096} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			g := NewGenerator(nil)
			raw := make([][]byte, events)
			size := 0
			for i := range raw {
				raw[i] = g.Next().Raw
				size += len(raw[i])
			}
			benchmarkSend(b, events, int64(size), func(s *Server) { s.Send(raw...) })
		})
	}
}

func benchmarkSend(b *testing.B, events int, size int64, send func(*Server)) {
	s := serve(b, nil)
	ws := dial(b, s)
	done := make(chan bool)
	go func() {
		_, _ = io.Copy(io.Discard, ws.NetConn())
		close(done)
	}()
	b.ReportAllocs()
	b.SetBytes(size)
	for b.Loop() {
		send(s)
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	s.Drop()
	<-done
}
