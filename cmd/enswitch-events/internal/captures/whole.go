package captures

import (
	"context"
	"io"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
)

// firstPass is the first of two passes over the files, which finds what is to be printed.
type firstPass struct {
	source *engine.Captures
	config engine.Config
	done   func() // it has come to its end
}

// findFirst makes config that of the second of two passes. The first one reads several
// files side by side: the events of a call are to come in the order of their timestamps.
// But --until and --fail-if count in the order of the output.
func (s *session) findFirst(config *engine.Config, files *engine.CaptureOptions, text *engine.Text) {
	twice := s.whole.Twice(text)
	f := &firstPass{config: *config}
	first := *files
	first.Merge = files.Merge || len(files.Names) > 1 && config.Until == nil && config.FailIf == nil
	f.source = engine.NewCaptures(&first)
	c := &f.config
	c.Sink, f.done = twice.First()
	c.Out, c.Header, c.Count = io.Discard, nil, 0
	c.OnReject, c.OnDamage, c.OnSkip = nil, nil, nil // the second pass reports them
	c.OnFailure = func(what, kind, text string) {
		if what == "jq" { // likewise
			config.OnFailure(what, kind, text)
		}
	}
	config.Sink, config.Tally = twice.Second(), nil
	s.first = f
	s.total *= 2
}

// read reads the files, twice if need be.
func (s *session) read(ctx context.Context, config *engine.Config) (end engine.End, untimed int64, err error) {
	if f := s.first; f != nil {
		end, _, err = f.source.Run(ctx, &f.config)
		l := f.source.Ledger()
		switch end {
		case engine.EndOfInput, engine.EndUntil, engine.EndFailIf:
			f.done()
			s.source.Book(engine.Ledger{Failed: l.Failed}) // the filters are not applied again
		default:
			l.Filtered, l.Kept = l.Filtered+l.Kept, 0 // nothing was printed
			s.source.Book(l)
			return end, 0, err
		}
	}
	return s.source.Run(ctx, config)
}

// position is the number of bytes that have been read, in both passes.
func (s *session) position() int64 {
	n := s.source.Position()
	if s.first != nil {
		n += s.first.source.Position()
	}
	return n
}
