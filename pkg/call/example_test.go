package call_test

import (
	"fmt"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Only the event start of class call is documented; the other events and the field from
// are illustrative.
func Example() {
	events := `{"callid":"1.1","class":"call","event":"start","machine":1,"timestamp":"100.000000","uniqueid":"1.1","from":"+4420"}
{"callid":"1.1","class":"call","event":"answer","machine":1,"timestamp":"104.200000","uniqueid":"1.1"}
{"callid":"1.1","class":"call","event":"end","machine":1,"timestamp":"165.200000","uniqueid":"1.1"}
`
	names, err := call.NewMap("answer=call.answer,call.connect")
	if err != nil {
		panic(err)
	}
	calls := call.NewTracker(&call.Options{OnEnd: func(c *call.Call) {
		talk, _ := c.Talk()
		fmt.Printf("%s, answered: %v, talked %v s\n", c.Text(call.From), c.Answered(), talk)
	}})
	reader := names.NewReader()
	var x event.Index
	var e call.Event
	for line := range strings.Lines(events) {
		raw := []byte(line)
		if err := x.Scan(raw); err != nil {
			panic(err)
		}
		reader.Read(&e, raw, &x)
		calls.Add(&e)
	}
	calls.Finish()
	// Output: +4420, answered: true, talked 61 s
}
