package spool_test

import (
	"fmt"
	"os"

	"github.com/enswitch-events/enswitch-events/pkg/spool"
)

// A durable queue returns a record again, in the next process if need be, until it
// is acknowledged.
func Example() {
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	q, err := spool.Open(dir, &spool.Options{Durable: true, MaxBytes: 1 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := q.Append([]byte("first"), []byte("second")); err != nil {
		fmt.Println(err) // spool.ErrFull: read and acknowledge some records
	}
	record, _, err := q.Next(nil)
	fmt.Printf("%s %v\n", record, err)
	err = q.Ack(q.ReadOffset()) // the record has been delivered
	fmt.Println(err, q.Close())

	q, err = spool.Open(dir, &spool.Options{Durable: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer q.Close()
	for {
		record, ok, err := q.Next(record) // uses its memory again
		if !ok || err != nil {
			fmt.Println(ok, err)
			return
		}
		fmt.Printf("%s\n", record)
	}
	// Output:
	// first <nil>
	// <nil> <nil>
	// second
	// false <nil>
}
