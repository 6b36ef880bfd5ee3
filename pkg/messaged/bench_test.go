package messaged

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// benchEvent is about as long as an event of a busy cluster. The fields beyond
// the documented ones are illustrative.
const benchEvent = `{"asteriskid":"1234567890.1","callid":"1234567890.100000","class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000","name":"illustrative \"name\"","note":"padding to some 256 bytes, as a typical event may be long"}`

// flood sends the same frames for ever, in large writes.
func flood(b *testing.B) string {
	return listen(b, func(_ int, nc net.Conn) {
		if _, _, err := upgrade(nc); err == nil {
			for block := bytes.Repeat(text(benchEvent), 4096); err == nil; {
				_, err = nc.Write(block)
			}
		}
	})
}

// BenchmarkEvents compares Events with the least that can be done with
// gorilla: a loop that reads each message into one buffer and forgets it.
func BenchmarkEvents(b *testing.B) {
	b.Run("gorilla", func(b *testing.B) {
		ws, _, err := (&websocket.Dialer{ReadBufferSize: readBuffer}).DialContext(b.Context(), "ws://"+flood(b), nil)
		if err != nil {
			b.Fatal(err)
		}
		defer ws.Close()
		buf := make([]byte, 64<<10)
		b.SetBytes(int64(len(benchEvent)))
		b.ReportAllocs()
		for b.Loop() {
			_, r, err := ws.NextReader()
			for err == nil {
				_, err = r.Read(buf)
			}
		}
	})
	events := func(b *testing.B, o *Options) {
		b.SetBytes(int64(len(benchEvent)))
		b.ReportAllocs()
		c := New(address(b, flood(b)), o)
		for ev, err := range c.Events(b.Context()) {
			if err != nil || len(ev.Raw) != len(benchEvent) {
				b.Fatal(len(ev.Raw), err)
			}
			if !b.Loop() {
				break
			}
		}
	}
	b.Run("events", func(b *testing.B) { events(b, nil) })
	b.Run("pauses", func(b *testing.B) { events(b, &Options{ReadPause: 20 * time.Millisecond}) })
}

func BenchmarkParseAddress(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseAddress("http://10.0.0.5:4875/events/websocket/?authkey=KEY"); err != nil {
			b.Fatal(err)
		}
	}
}
