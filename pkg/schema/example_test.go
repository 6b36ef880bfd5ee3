package schema_test

import (
	"fmt"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/schema"
)

func Example() {
	var (
		known   schema.Schema
		learner = schema.NewLearner(nil)
		part    schema.Part
		x       event.Index
	)
	for line := range strings.Lines(`{"class":"call","event":"start","machine":1,"timestamp":"1234567890.123456"}
{"class":"call","event":"start","machine":2,"timestamp":"1234567891.000000"}
{"class":"call","event":"end","cause":"busy","machine":1,"timestamp":"1234567892.500000"}
`) {
		if err := x.Scan([]byte(strings.TrimSpace(line))); err != nil {
			fmt.Println(err)
			continue
		}
		learner.Add(&x)
		learner.Take(&part)
		known.Add(&part, func(n schema.News) { fmt.Println("new:", n.Name) })
	}
	for _, k := range known.Kinds() {
		machine := k.Root.Members["machine"]
		fmt.Println(k, k.Count(), machine.TypeText(), machine.Pattern(), machine.Values)
	}
	// Output:
	// new: call.start
	// new: call.end
	// call.end 1 number digits [1]
	// call.start 2 number digits [1 2]
}
