package calls

import (
	"fmt"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestLagClockSet: the clock here is set an hour ahead and back. The lag is as the clocks say at
// once, and a machine that fell silent before that is not named for the hour.
func TestLagClockSet(t *testing.T) {
	m, err := call.NewMap()
	if err != nil {
		t.Fatal(err)
	}
	s := &Sink{}
	r := m.NewReader()
	var x event.Index
	real := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		what  string
		set   time.Duration // the clock here
		older bool          // machine 2 still sends
	}{{"before", 0, true}, {"ahead", time.Hour, false}, {"back", 0, false}, {"behind", -time.Hour, false}, {"right again", 0, false}} {
		for i := range 3 {
			for _, machine := range []int{1, 2} {
				if machine == 2 && !step.older {
					continue
				}
				lag := 30 * time.Millisecond * time.Duration(machine)
				raw := fmt.Appendf(nil, `{"class":"call","event":"start","callid":"%d","machine":%d,"timestamp":"%d.%06d"}`, i, machine, real.Unix(), real.Nanosecond()/1000)
				if err := x.Scan(raw); err != nil {
					t.Fatal(err)
				}
				e := call.Event{Received: real.Add(step.set + lag)}
				r.Read(&e, raw, &x)
				s.lags.add(&e)
			}
			real = real.Add(time.Second)
		}
		wantMachine, want := "1", step.set+30*time.Millisecond
		if step.older {
			wantMachine, want = "2", step.set+60*time.Millisecond
		}
		if machine, behind, ok := s.Lag(real.Add(step.set)); !ok || machine != wantMachine || (behind-want).Abs() > time.Millisecond {
			t.Errorf("%s: machine %s is %v behind (%v), want %s, %v", step.what, machine, behind, ok, wantMachine, want)
		}
		real = real.Add(90 * time.Second) // so that who is silent is not named
	}
}
