package report

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// Sampler says the first messages of each kind when they come, and counts the
// others. It is safe for concurrent use.
type Sampler struct {
	Say func(msg string, args ...any)

	mu    sync.Mutex
	kinds map[string]*faultKind
	order []*faultKind
	other int64
}

// faultKind is what has come of one kind of message.
type faultKind struct {
	kind     string
	messages []string // different ones, at most maxExamples
	counts   []int64  // of messages
	n        int64
	more     bool // there were other messages
}

// maxExamples is how many different messages of one kind are said.
const maxExamples = 3

// maxFaults bounds the kinds that are remembered: an expression can make any
// number of them.
const maxFaults = 20

// Add adds a message that is its own kind.
func (f *Sampler) Add(msg string) { f.AddKind(msg, msg, 1) }

// Failed adds a failure of a kind of an expression or a template. flag says which
// one.
func (f *Sampler) Failed(flag, kind, text string) {
	f.AddKind(flag+": "+kind, flag+": "+text, 1)
}

// AddKind adds n messages of a kind, all of which are msg; an empty one stands
// for any.
func (f *Sampler) AddKind(kind, msg string, n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := f.kinds[kind]
	if k == nil {
		if len(f.kinds) >= maxFaults {
			f.other += n
			return
		}
		if f.kinds == nil {
			f.kinds = map[string]*faultKind{}
		}
		k = &faultKind{kind: kind}
		f.kinds[kind] = k
		f.order = append(f.order, k)
	}
	k.n += n
	switch i := slices.Index(k.messages, msg); {
	case i >= 0:
		k.counts[i] += n
	case msg == "" || len(k.messages) == maxExamples:
		k.more = true
	default:
		k.messages, k.counts = append(k.messages, msg), append(k.counts, n)
		f.Say(msg)
	}
}

// Once says msg if it is the first of its kind, and counts the others.
func (f *Sampler) Once(kind, msg string) {
	f.mu.Lock()
	known := f.kinds[kind] != nil
	f.mu.Unlock()
	if known {
		msg = ""
	}
	f.AddKind(kind, msg, 1)
}

// Sum says how often each message came, or the kind where there were too many.
func (f *Sampler) Sum() {
	f.mu.Lock()
	defer f.mu.Unlock()
	total := func(msg string, n int64) {
		if n > 1 {
			f.Say(fmt.Sprintf("%s (%s in all)", msg, humanize.Comma(n)), slog.Int64("count", n))
		}
	}
	for _, k := range f.order {
		if k.more {
			total(k.kind, k.n)
			continue
		}
		for i, msg := range k.messages {
			total(msg, k.counts[i])
		}
	}
	if f.other > 0 {
		f.Say(fmt.Sprintf("%s of other kinds, not shown", cli.Plural(f.other, "failure")), slog.Int64("count", f.other))
	}
}
