package event_test

import (
	"fmt"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// A program that receives events reads the fields it needs from their bytes.
func Example() {
	var x event.Index // reused for all events
	for _, raw := range []string{
		`{"class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","callid":"1234567890.100000"}`,
		`{"class":"call","event":"route","machine":"2","timestamp":1234567890.5,"caller":{"number":"+442079460000"}}`,
		`{"class":"call"`,
	} {
		if err := x.Scan([]byte(raw)); err != nil {
			fmt.Println("no event:", err)
			continue
		}
		fmt.Printf("%s.%s on machine %s", x.Class().Text(), x.Event().Text(), x.Get("machine").Text())
		if usec, ok := x.Get("timestamp").Timestamp(); ok {
			fmt.Print(" at ", time.UnixMicro(usec).UTC().Format("15:04:05.000000"))
		}
		if number := x.Get("caller.number"); number.Kind != event.Absent {
			fmt.Printf(" from %s", number.Text())
		}
		fmt.Println()
	}
	// Output:
	// call.start on machine 1 at 23:31:30.123456
	// call.route on machine 2 at 23:31:30.500000 from +442079460000
	// no event: cut short at byte 15
}

// Numbers compare exactly, whether they are JSON numbers or strings.
func ExampleValue_Decimal() {
	var x event.Index
	if err := x.Scan([]byte(`{"duration":"60.000000000000000001","limit":60}`)); err != nil {
		fmt.Println(err)
		return
	}
	duration, _ := x.Get("duration").Decimal()
	limit, _ := x.Get("limit").Decimal()
	fmt.Println(duration.Compare(limit) > 0)
	// Output: true
}

// Two sources send the same events, and each is handled once.
func ExampleWindow() {
	hasher := event.NewHasher()
	window := event.NewWindow(10_000, 2, time.Minute)
	var x event.Index
	for source, raw := range []string{
		`{"class":"call","event":"start","machine":1}`,
		`{"machine":"1", "class":"call", "event":"start"}`,
	} {
		if err := x.Scan([]byte(raw)); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(window.Seen(hasher.Identity(&x), source, time.Now()))
	}
	// Output:
	// false
	// true
}
