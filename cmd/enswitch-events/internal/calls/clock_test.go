package calls

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestClocksSet: the clocks of the machines are set ahead and back while the screen is left
// running, and so is the clock here. No open call is given up, and soon after the clocks are right
// the age of a new call and the calls per second are, too.
func TestClocksSet(t *testing.T) {
	m, err := call.NewMap()
	if err != nil {
		t.Fatal(err)
	}
	for _, jump := range []time.Duration{time.Minute, 50 * time.Minute, 3 * time.Hour} {
		for _, here := range []time.Duration{0, time.Hour, -time.Hour} {
			t.Run(fmt.Sprint(jump, here), func(t *testing.T) {
				s := New(&Options{Map: m, Live: true, Screen: &Screen{Changed: func() {}}, Log: log.New(io.Discard, log.Options{})})
				now := time.Time{}
				s.now = func() time.Time { return now }
				r := m.NewReader()
				var x event.Index
				real := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
				calls := 0
				var changes call.Changes
				send := func(seconds int, set, setHere time.Duration) { // a call each half second
					for range 2 * seconds {
						at := real.Add(set)
						raw := fmt.Appendf(nil, `{"class":"call","event":"start","callid":"%d","machine":%d,"timestamp":"%d.%06d"}`, calls, calls%3, at.Unix(), at.Nanosecond()/1000)
						if err := x.Scan(raw); err != nil {
							t.Fatal(err)
						}
						now = real.Add(setHere)
						p := &part{events: []call.Event{{Received: now, Chosen: true}}}
						r.Read(&p.events[0], raw, &x)
						s.follow(p)
						calls++
						real = real.Add(time.Second / 2)
					}
				}
				right := func(what string) {
					t.Helper()
					s.Changes(&changes, true, false)
					newest := changes.Rows[0]
					for _, row := range changes.Rows {
						if row.State != call.Open {
							t.Fatalf("%s: call %s is %v", what, row.CallID, row.State)
						}
						if row.Number > newest.Number {
							newest = row
						}
					}
					if age := time.Duration(changes.Now-newest.Begin) * time.Microsecond; age != 0 || len(changes.Rows) != calls {
						t.Errorf("%s: the newest of %d calls is %v old", what, len(changes.Rows), age)
					}
					if _, rate := s.Figures(); rate < 1.8 || rate > 2.2 {
						t.Errorf("%s: %v calls a second, want 2", what, rate)
					}
				}
				send(30, 0, 0)
				right("before")
				send(25, jump, here)
				right("ahead")
				send(25, 0, 0)
				right("back")
			})
		}
	}
}
