package captures

import (
	"context"
	"io"

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
		config.Sink, config.From, config.To, config.Needles = p.Sink, p.From, p.To, p.Needles
		files.From, files.To = p.From, p.To
		if end, _, err = engine.NewCaptures(&files).Run(ctx, &config); end != engine.EndOfInput || err != nil {
			return end, err
		}
	}
}
