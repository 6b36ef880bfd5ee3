package call

import (
	"fmt"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// busyHour returns events of calls that overlap, six each, some 60 s long, in the
// order of their timestamps.
func busyHour(calls int) (lines [][]byte) {
	names := []string{"start", "route", "ring", "answer", "hold", "end"}
	const every = 10_000 // microseconds between two calls
	const step = 12_000_000
	for t := 0; ; t++ {
		// At each tick one call begins, and each other step of one is due.
		done := true
		for s, name := range names {
			i := t - s*(step/every)
			if i < 0 || i >= calls {
				if i < calls {
					done = false
				}
				continue
			}
			done = false
			at := int64(t)*every + int64(s)
			lines = append(lines, fmt.Appendf(nil, `{"asteriskid":"1234567890.%d","callid":"1234567890.%d","class":"call","event":%q,"machine":%d,"timestamp":"%d.%06d","uniqueid":"1234567890.%d","from":"+4930123456","to":"+442071234567","name":"Zoë \"Z\" Example","note":"xxxxxxxxxxxxxxxx"}`,
				i, 100000+i, name, 1+i%7, 1234567890+at/1e6, at%1e6, 100000+i))
		}
		if done {
			return lines
		}
	}
}

func BenchmarkRead(b *testing.B) {
	lines := busyHour(1000)
	m, err := NewMap()
	if err != nil {
		b.Fatal(err)
	}
	r := m.NewReader()
	var x event.Index
	var e Event
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		line := lines[i%len(lines)]
		if err := x.Scan(line); err != nil {
			b.Fatal(err)
		}
		r.Read(&e, line, &x)
	}
}

// BenchmarkFollow is the time of Add for an event.
func BenchmarkFollow(b *testing.B) {
	for _, keep := range []bool{false, true} {
		b.Run(fmt.Sprintf("keep=%v", keep), func(b *testing.B) {
			lines := busyHour(50_000)
			m, err := NewMap()
			if err != nil {
				b.Fatal(err)
			}
			r := m.NewReader()
			var x event.Index
			events := make([]Event, len(lines))
			for i, line := range lines {
				if err := x.Scan(line); err != nil {
					b.Fatal(err)
				}
				r.Read(&events[i], line, &x)
			}
			b.ReportAllocs()
			var t *Tracker
			for i := 0; b.Loop(); i++ {
				if i%len(events) == 0 {
					t = NewTracker(&Options{KeepEvents: keep})
				}
				e := events[i%len(events)]
				t.Add(&e)
			}
		})
	}
}
