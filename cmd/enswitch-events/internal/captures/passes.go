package captures

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
)

// Passes is how files are read in several passes.
type Passes interface {
	// First returns the sink of the first pass, which writes nothing, and the needles and
	// digits of which a line must contain one to be looked at. Counts counts the events
	// while none is kept.
	First() (sink engine.Sink, needles []string, digits string, counts *tally.Tally)
	// Next returns the next pass; false if there is none.
	Next() (p engine.Pass, more bool)
}

// NewPasses returns the passes over files within the bounds from and to, nil for one pass
// over everything. Around reads what is around an offset of the file with that number
// into buf, and returns it and its offset; it returns nothing if that fails. It is nil if
// the files are not stored as plain text.
type NewPasses func(from, to int64, around func(file int, offset int64, buf []byte) (text []byte, begin int64)) Passes

// passesFrom is the size of files from which several passes are faster than one.
const passesFrom = 16 << 20

// laterPasses are the passes after the first one.
type laterPasses struct {
	passes Passes
	config engine.Config
	files  engine.CaptureOptions
}

// narrow makes config that of the first of several passes, which counts and reports; p may
// be nil.
func (s *session) narrow(config *engine.Config, files *engine.CaptureOptions, p Passes) {
	if p == nil {
		return
	}
	l := &laterPasses{passes: p, config: *config, files: *files}
	c := &l.config
	c.OnReject, c.OnDamage, c.OnSkip, c.Tally = nil, nil, nil, nil
	config.Sink, config.Needles, config.Digits, config.Tally = p.First()
	config.Out, config.Header = io.Discard, nil
	first := *files
	first.Merge = false
	s.source = engine.NewCaptures(&first)
	s.later = l
}

// run runs the passes after the first one.
func (l *laterPasses) run(ctx context.Context) (end engine.End, err error) {
	for {
		p, more := l.passes.Next()
		if !more {
			return engine.EndOfInput, nil
		}
		config, files := l.config, l.files
		config.Sink, config.Needles = p.Sink, p.Needles
		files.From, files.To = p.From, p.To
		if end, _, err = engine.NewCaptures(&files).Run(ctx, &config); end != engine.EndOfInput || err != nil {
			return end, err
		}
	}
}

// maxAround bounds the bytes around an offset that are read at once.
const maxAround = 8 << 20

// around reads what is around an offset of one of the files: of a large file 8 MiB, of
// others a sixteenth. It is nil if one of them may be compressed.
func around(names []string) func(file int, offset int64, buf []byte) (text []byte, begin int64) {
	if !slices.ContainsFunc(names, func(name string) bool { return !plain(name) }) {
		return readAround(names)
	}
	return nil
}

// plain reports whether the file begins as a JSON object does.
func plain(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return true // nothing of it is found
	}
	defer func() { _ = f.Close() }() // it was only read
	var start [64]byte
	n, _ := f.Read(start[:])
	text := bytes.TrimLeft(start[:n], " \t\r\n")
	return bytes.HasPrefix(text, []byte("{")) && !bytes.HasPrefix(text, []byte("{\x00"))
}

func readAround(names []string) func(file int, offset int64, buf []byte) (text []byte, begin int64) {
	return func(file int, offset int64, buf []byte) ([]byte, int64) {
		f, err := os.Open(names[file])
		if err != nil {
			return nil, 0
		}
		defer func() { _ = f.Close() }() // it was only read
		size := min(size(names[file:file+1])/16, maxAround)
		begin := max(offset-size/2, 0)
		buf = slices.Grow(buf[:0], int(size))[:size]
		n, _ := f.ReadAt(buf, begin) // to the end of the file, or as far as it goes
		return buf[:n], begin
	}
}
