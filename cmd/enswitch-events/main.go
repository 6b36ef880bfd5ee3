// Command enswitch-events shows what happens on an Enswitch telephone system: it
// receives the events of the system, filters them, and prints or records them.
package main

import (
	"context"
	"io"
	"log"
	"os"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

func main() {
	log.SetOutput(io.Discard) // net/http prints strange answers there, which must not stand between the lines of a JSON log
	cli.SetTimeZone()
	os.Exit(run(context.Background(), os.Args[1:], cli.StandardStreams()))
}
