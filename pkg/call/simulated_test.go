package call

import (
	"strings"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// TestSimulated follows the calls of a simulated cluster whose clocks are off: none is
// joined wrongly, and none ends twice.
func TestSimulated(t *testing.T) {
	g := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Rate: 50, Skew: 500 * time.Millisecond})
	var lines strings.Builder
	var x event.Index
	joins := map[string]string{} // the callid of a leg of a second call, and that of the first call
	starts := 0                  // of callers' legs
	for range 60_000 {
		raw := g.Next().Raw
		if err := x.Scan(raw); err != nil {
			t.Fatal(err)
		}
		callid, uniqueid := string(x.Get("callid").Text()), string(x.Get("uniqueid").Text())
		what := string(x.Event().Text())
		switch {
		case what == "start" && callid == uniqueid:
			starts++
		case what == "pickup", what == "transfer" && !x.Get("kind").Is("blind"):
			joins[uniqueid] = callid
		}
		lines.Write(append(raw, '\n'))
	}
	calls, joined, again := 0, 0, 0
	ended := map[int64]bool{}
	follow(t, lines.String(), &Options{OnEnd: func(c *Call) {
		record := string(c.AppendRecord(nil))
		if ended[c.Number()] {
			again++
			t.Logf("ended twice: %s", record)
			return
		}
		ended[c.Number()] = true
		calls++
		_, list, ok := strings.Cut(record, `"callids":[`)
		if c.Partial() || c.State() == Lost {
			t.Errorf("%s", record)
		}
		if !ok {
			return
		}
		joined++
		list, _, _ = strings.Cut(list, "]")
		ids := strings.Split(strings.ReplaceAll(list, `"`, ""), ",")
		if len(ids) != 2 || joins[ids[1]] != ids[0] && joins[ids[0]] != ids[1] {
			t.Errorf("wrongly joined: %s", record)
		}
	}})
	if joined != len(joins) || calls != starts-joined || again > 0 || joined < 100 {
		t.Errorf("%d calls, %d of them joined, %d ended twice; want %d and %d", calls, joined, again, starts-len(joins), len(joins))
	}
}
