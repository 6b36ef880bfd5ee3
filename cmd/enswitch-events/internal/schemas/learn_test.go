package schemas

import (
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/schema"
)

// TestCallsAcrossSaves: what is known of calls is saved at the end also of events that were
// saved before, and if none has come since.
func TestCallsAcrossSaves(t *testing.T) {
	for _, since := range []string{"", "message.sent"} {
		file := filepath.Join(t.TempDir(), "schema.json")
		l := NewLearner(file, schema.SafeExamples, true, log.New(io.Discard, log.Options{}))
		learner := schema.NewLearner(&schema.Options{Calls: l.calls})
		learn := func(class, what string, at int) {
			var x event.Index
			if err := x.Scan(fmt.Appendf(nil, `{"class":%q,"event":%q,"callid":"1.1","uniqueid":"1.1","timestamp":"%d.000000"}`, class, what, at)); err != nil {
				t.Fatal(err)
			}
			var p schema.Part
			learner.Add(&x)
			learner.Take(&p)
			l.fresh.Add(&p, nil)
		}
		learn("call", "start", 1)
		learn("call", "end", 9)
		if err := l.save(false); err != nil {
			t.Fatal(err)
		}
		if since != "" {
			learn("message", "sent", 10)
		}
		if err := l.Close(false); err != nil {
			t.Fatal(err)
		}
		s, err := schema.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		steps := s.Kind(schema.Name{Class: "call", Event: "start"}).Steps
		if calls, legs, _ := s.Calls(); calls != 1 || legs != 1 || steps == nil || steps.First != 1 {
			t.Errorf("with %q since: %d calls, %d legs, steps of call.start: %+v", since, calls, legs, steps)
		}
	}
}
