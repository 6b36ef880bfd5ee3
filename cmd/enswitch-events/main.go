// Command enswitch-events shows what happens on an Enswitch telephone system:
// it receives the system's events, filters them, and prints or keeps them.
package main

import (
	"context"
	"io"
	"os"
)

func main() {
	setTimeZone()
	os.Exit(run(context.Background(), os.Args[1:], standard()))
}

// streams are what the program reads and writes beside the network. stdout is
// data, stderr is talk.
type streams struct {
	in       io.Reader
	out, err io.Writer
}
