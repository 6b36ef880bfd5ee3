package report

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// Sampler limits repeated messages: it logs the first few of each kind at once and counts
// the others. LogTotals logs the counts. It is safe for concurrent use.
type Sampler struct {
	// Log is called with each message that is logged, one at a time.
	Log func(msg string, args ...any)

	mu    sync.Mutex
	kinds map[string]*faultKind
	order []*faultKind
	other int64
}

// faultKind counts the messages of one kind.
type faultKind struct {
	kind     string
	messages []string // the distinct ones, at most maxExamples
	counts   []int64  // how often each of them came
	n        int64    // how many came in all
	more     bool     // there were others than messages has
}

// maxExamples is how many distinct messages of one kind are logged.
const maxExamples = 3

// maxKinds limits the kinds that are remembered: a jq expression can make any number of
// them.
const maxKinds = 20

// Add adds a message that is a kind of its own.
func (s *Sampler) Add(msg string) { s.AddKind(msg, msg, 1) }

// AddFailure adds a failure of an expression or a template. flag says which one.
func (s *Sampler) AddFailure(flag, kind, text string) {
	s.AddKind(flag+": "+kind, flag+": "+text, 1)
}

// Failure returns the arguments for AddFailure about a failure of an expression or a
// template. With hide the texts, which may have values of an event, are left out.
func Failure(flag, kind, text string, hide bool) (f, k, t string) {
	if hide && flag != "--pseudonyms" {
		text = "it failed on an event; --pseudonyms hides the message"
		kind = text
	}
	return flag, kind, text
}

// AddKind adds n messages of a kind, all of them with the text msg. An empty msg is
// counted and not logged.
func (s *Sampler) AddKind(kind, msg string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[kind]
	if k == nil {
		if len(s.kinds) >= maxKinds {
			s.other += n
			return
		}
		if s.kinds == nil {
			s.kinds = map[string]*faultKind{}
		}
		k = &faultKind{kind: kind}
		s.kinds[kind] = k
		s.order = append(s.order, k)
	}
	k.n += n
	switch i := slices.Index(k.messages, msg); {
	case i >= 0:
		k.counts[i] += n
	case msg == "" || len(k.messages) == maxExamples:
		k.more = true
	default:
		k.messages, k.counts = append(k.messages, msg), append(k.counts, n)
		s.Log(msg)
	}
}

// Once logs msg if it is the first of its kind, and counts it otherwise.
func (s *Sampler) Once(kind, msg string) {
	s.mu.Lock()
	known := s.kinds[kind] != nil
	s.mu.Unlock()
	if known {
		msg = ""
	}
	s.AddKind(kind, msg, 1)
}

// LogTotals logs how often each message came, or how often its kind came if there were
// more than maxExamples.
func (s *Sampler) LogTotals() {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := func(msg string, n int64) {
		if n > 1 {
			s.Log(fmt.Sprintf("%s (%s in all)", msg, humanize.Comma(n)), slog.Int64("count", n))
		}
	}
	for _, k := range s.order {
		if k.more {
			total(k.kind, k.n)
			continue
		}
		for i, msg := range k.messages {
			total(msg, k.counts[i])
		}
	}
	if s.other > 0 {
		s.Log(fmt.Sprintf("%s of other kinds, not shown", cli.Plural(s.other, "failure")), slog.Int64("count", s.other))
	}
}
