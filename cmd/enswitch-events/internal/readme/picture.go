package main

import (
	"bytes"
	"context"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// pictured is the command that the picture shows. The fields are picked so
// that a line is as wide as a README.
const pictured = "enswitch-events tail -t delta -F callid,from,fromname,to,phone,cause,duration,text"

// picture draws what the program prints of a made-up cluster. The events are
// the same each time: their clock does not go by itself.
func picture(ctx context.Context, p *program, file string) error {
	const skipped, shown = 12, 24
	g := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{
		Seed: 13819, Rate: 4, Machines: 4, Start: time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC),
	})
	var events [][]byte
	for i := range skipped + shown {
		if ev := g.Next(); i >= skipped {
			events = append(events, ev.Raw)
		}
	}
	lines, err := p.serve(ctx, pictured+" -o line --color always -n 24", events)
	if err != nil {
		return err
	}
	return write(file, render.SVG(pictured, lines, widest(lines)))
}

// widest returns how many columns the widest of the lines has.
func widest(lines []byte) int {
	columns := 0
	for line := range bytes.Lines(lines) {
		columns = max(columns, ansi.StringWidth(string(bytes.TrimRight(line, " \n"))))
	}
	return columns
}

// tracePicture draws a call that is transferred.
func tracePicture(ctx context.Context, p *program, file string) error {
	const shown = "enswitch-events trace 01632960244 --read testdata/calls/attended.ndjson"
	lines, err := p.run(ctx, shown+" --color always")
	if err != nil {
		return err
	}
	const buttons = 16 // columns of the window's title bar on both sides of the title
	return write(file, render.SVG(shown, lines, max(widest(lines), len(shown)+buttons)))
}

// serve runs a command line while a messaged sends the events to it, whose
// address is in ENSWITCH_ADDRESS.
func (p *program) serve(ctx context.Context, line string, events [][]byte) ([]byte, error) {
	s := enswitchtest.NewServer(nil)
	defer s.Close()
	ctx, cancel := context.WithCancel(ctx)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		// Commands that connect to nothing end the context.
		if s.WaitClients(ctx, 1) == nil {
			s.Send(events...)
		}
	}()
	out, err := p.run(ctx, line, "ENSWITCH_ADDRESS="+s.URL())
	cancel()
	<-sent
	return out, err
}
