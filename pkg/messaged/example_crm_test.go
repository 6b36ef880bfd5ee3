package messaged_test

import (
	"context"
	"fmt"

	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

// customers stands in for the database of a CRM.
var customers = map[string]string{"+441632960001": "Ann Lee, Example Ltd"}

// The pop-up of a CRM: when a telephone rings, the window of the customer opens. Events
// and fields other than call.start are illustrative; NewMap says what they are called on
// your system.
func Example_crm() {
	cluster := enswitchtest.NewServer(nil) // in the place of a real one
	defer cluster.Close()
	ctx, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	go func() {
		if cluster.WaitClients(ctx, 1) == nil {
			cluster.Send([]byte(`{"class":"call","event":"ring","callid":"1.1","machine":1,"timestamp":"100.5","from":"+441632960001","phone":"desk-101"}`))
		}
	}()

	addr, err := messaged.ParseAddress(cluster.URL()) // or "10.0.0.5", and the key in Options.Authkey
	if err != nil {
		fmt.Println(err)
		return
	}
	names, err := call.NewMap("ring=call.ring", "from=from,callerid")
	if err != nil {
		fmt.Println(err)
		return
	}
	reader := names.NewReader()
	var fields event.Index
	var ringing call.Event
	for ev, err := range messaged.New(addr, nil).Events(ctx) {
		if err != nil { // it ends only when trying again is of no use
			fmt.Println(err)
			return
		}
		if fields.Scan(ev.Raw) != nil {
			continue // it is no event
		}
		reader.Read(&ringing, ev.Raw, &fields)
		if ringing.Kind == call.Ring {
			fmt.Printf("%s: %s is calling\n", fields.Get("phone").Text(), customers[string(ringing.Role(call.From).Text())])
			return
		}
	}
	// Output: desk-101: Ann Lee, Example Ltd is calling
}
