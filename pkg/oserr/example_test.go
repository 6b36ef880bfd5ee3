package oserr_test

import (
	"fmt"
	"net"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

func Example() {
	_, err := net.Dial("tcp", "127.0.0.1:1")
	fmt.Println(oserr.IsRefused(err))
	fmt.Println(oserr.Reason(err)) // the same words on every system
	// Output:
	// true
	// connection refused
}
