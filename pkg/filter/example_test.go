package filter_test

import (
	"fmt"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

func Example() {
	f, err := filter.Compile(&filter.Options{
		Event: []string{"call.*", "!call.ring"},
		Where: []string{"machine<3"},
		JQ:    `select(.to | startswith("+44")) | {callid, to}`,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var fields event.Index
	for _, raw := range []string{
		`{"class":"call","event":"route","machine":1,"callid":"1.1","to":"+442079460000"}`,
		`{"class":"call","event":"ring","machine":1,"callid":"1.1","to":"+442079460000"}`,
		`{"class":"call","event":"route","machine":7,"callid":"1.2","to":"+442079460000"}`,
		`{"class":"call","event":"route","machine":"2","callid":"1.3","to":"+12125550101"}`,
	} {
		if err := fields.Scan([]byte(raw)); err != nil {
			fmt.Println(err)
			continue
		}
		f.Run(&fields, func(o filter.Output) bool {
			if o.Event { // kept as it is
				fmt.Printf("%s\n", fields.JSON())
			} else { // what the jq expression made of it
				fmt.Printf("%s\n", o.JSON)
			}
			return true
		})
	}
	// Output: {"callid":"1.1","to":"+442079460000"}
}

func ExampleSyntaxError() {
	_, err := filter.Compile(&filter.Options{JQ: `.machine = = 1`})
	fmt.Println(err)
	// Output:
	// JQ, byte 11 of ".machine = = 1": unexpected token "="
}
