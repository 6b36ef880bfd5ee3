package engine

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// blocks is a source of these blocks.
type blocks struct {
	all []*Block
	l   Ledger
}

func (s *blocks) Take(bool) (b *Block, end bool) {
	if len(s.all) == 0 {
		return nil, true
	}
	b, s.all = s.all[0], s.all[1:]
	return b, false
}
func (s *blocks) Wake() <-chan struct{} { return nil }
func (s *blocks) Book(l Ledger)         { s.l.Add(&l) }
func (s *blocks) Done(*Block)           {}
func (s *blocks) Name(int32) string     { return "test" }

// guessed is a run of blocks that are lines.
type guessed struct {
	keep   filter.Options
	show   render.Options
	count  int64
	until  string
	blocks []string
}

// ran is what has come of it.
type ran struct {
	out      string
	l        Ledger
	failures string
	end      outcome
}

// run runs the blocks, with several workers after ahead.
func (g *guessed) run(t fataler, workers int, ahead func(*folder)) ran {
	var out strings.Builder
	var told told
	c := &Config{Sink: text(t, g.keep, g.show), Out: &out, Count: g.count, Workers: workers}
	told.listen(c)
	if g.until != "" {
		c.Until = query(t, g.until)
	}
	source := &blocks{}
	for _, lines := range g.blocks {
		b := &Block{}
		for line := range strings.Lines(lines) {
			b.data = append(b.data, line...)
			b.items = append(b.items, item{end: len(b.data), received: 1e9}) // on the first of January
		}
		source.all = append(source.all, b)
	}
	f, err := newFolder(c, source)
	if err != nil {
		t.Fatal(err)
	}
	if workers > 1 {
		ahead(f)
	}
	o := <-f.start()
	return ran{out.String(), source.l, fmt.Sprint(told.failures), o}
}

// ahead maps the block n before any is folded, as a goroutine might that sees none
// of them folded.
func (f *folder) ahead(t fataler, n int) {
	m, err := newMapper(f.Config, f.src, new(atomic.Bool), &f.anyKept)
	if err != nil {
		t.Fatal(err)
	}
	if f.take(); n >= len(f.queue) || !f.queue[n].claim() {
		return // there is none, or another goroutine maps it
	}
	m.run(f.queue[n], false, f.Count)
	f.queue[n].ready <- struct{}{}
}

var (
	delta  = render.Options{Format: "line", Time: "delta", Location: time.UTC}
	local  = render.Options{Format: "line", Time: "local", Location: time.UTC}
	clocks = render.Options{Format: "template", Location: time.UTC, Template: `{{$at := time "utc" .timestamp}}{{if gt .n 5}}{{$at}} {{.n}}{{"\n"}}{{else if gt .n 2}}{{time "rfc3339" .timestamp}}{{"\n"}}{{end}}`}
	large  = filter.Options{JQ: `if .n == 7 then range(40) | {timestamp: "77777.5", n: ("x" * 20000)} else . end`}
	fails  = filter.Options{JQ: `if .n == 3 then error("three") elif .n == 4 then ., error("four") else . end`}
)

// TestGuessWrong: the cases of a wrong guess, one by one.
func TestGuessWrong(t *testing.T) {
	const (
		timed  = `{"timestamp":"100.25","class":"c","event":"e","n":8}` + "\n"
		next   = `{"timestamp":"90000.25","class":"c","event":"e","n":9}` + "\n"
		unseen = `{"timestamp":"200000.25","class":"c","event":"e","n":1}` + "\n"
		other  = `{"timestamp":"200000.25","class":"c","event":"e","n":4}` + "\n"
		wide   = `{"class":"c","event":"eeeeeeeeeeeeeeeeee","n":8}` + "\n"
		much   = `{"timestamp":"200000.25","class":"c","event":"e","n":7}` + "\n"
	)
	for _, tt := range []struct {
		name string
		guessed
	}{
		{"time", guessed{show: delta, blocks: []string{timed, next + timed, next}}},
		{"day", guessed{show: local, blocks: []string{timed + next, timed + timed, next}}},
		{"width", guessed{show: delta, blocks: []string{timed + wide, timed + next, timed}}},
		{"width before the time", guessed{show: delta, blocks: []string{timed, wide + next + timed, timed}}},
		{"no time", guessed{show: delta, blocks: []string{timed, wide, next}}},
		{"day of a template", guessed{show: clocks, blocks: []string{timed + next, timed + timed, next}}},
		{"not seen", guessed{show: clocks, blocks: []string{timed + next, unseen + timed, timed}}},
		{"not seen, and nothing else", guessed{show: clocks, blocks: []string{timed + next, unseen, timed}}},
		{"given up", guessed{keep: large, show: delta, blocks: []string{timed, much + next, timed}}},
		{"given up behind others", guessed{keep: large, show: delta, blocks: []string{timed, next + much + next, timed}}},
		{"fails", guessed{keep: fails, show: delta, blocks: []string{timed, other + next, timed}}},
		{"count", guessed{show: delta, count: 3, blocks: []string{timed, next + timed + next, timed}}},
		{"until", guessed{show: delta, until: ".n == 9", keep: filter.Options{Where: []string{"n<9"}}, blocks: []string{timed, next + timed}}},
	} {
		want := tt.run(t, 1, nil)
		got := tt.run(t, 4, func(f *folder) { f.ahead(t, 2); f.ahead(t, 1) })
		if got != want {
			t.Errorf("%s: got %.3000v\nwant %.3000v", tt.name, got, want)
		}
	}
}

// drawBlock draws events that differ in what the look of others depends on: the
// time, the day, the width of the name, and whether there is a time at all.
func drawBlock(t *rapid.T) string {
	var b strings.Builder
	for range rapid.IntRange(1, 8).Draw(t, "events") {
		name := strings.Repeat("e", rapid.SampledFrom([]int{1, 1, 1, 1, 1, 1, 14, 17, 22}).Draw(t, "name"))
		stamp := ""
		if rapid.IntRange(0, 3).Draw(t, "timed") > 0 {
			stamp = fmt.Sprintf(`"timestamp":"%d.25",`, rapid.IntRange(1, 6).Draw(t, "time")*30_000)
		}
		fmt.Fprintf(&b, `{%s"class":"c","event":"%s","n":%d}`+"\n", stamp, name, rapid.IntRange(0, 9).Draw(t, "n"))
	}
	return b.String()
}

// TestGuess: blocks that are mapped side by side, or out of order on any guess of what
// is before them, look as if they had been mapped one after the other.
func TestGuess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := guessed{
			keep:  rapid.SampledFrom([]filter.Options{{}, {}, {Where: []string{"n>4"}}, large, fails}).Draw(t, "filter"),
			show:  rapid.SampledFrom([]render.Options{delta, local, clocks, {Format: "json"}}).Draw(t, "format"),
			count: rapid.SampledFrom([]int64{0, 0, 1, 10, 30}).Draw(t, "count"),
			until: rapid.SampledFrom([]string{"", "", ".n == 9"}).Draw(t, "until"),
		}
		g.blocks = rapid.SliceOfN(rapid.Custom(drawBlock), 1, 12).Draw(t, "blocks")
		want := g.run(t, 1, nil)
		workers := rapid.SampledFrom([]int{2, 4}).Draw(t, "workers")
		got := g.run(t, workers, func(f *folder) {
			sink := f.Sink.(*Text)
			begin := sink.state
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, 2*workers+1), 0, 8).Draw(t, "mapped before") {
				if rapid.IntRange(0, 3).Draw(t, "guess") == 0 {
					sink.setState(render.State{}) // no state that there is
				}
				f.ahead(t, n)
				sink.setState(begin)
			}
		})
		if got != want {
			t.Fatalf("got %.4000v\nwant %.4000v", got, want)
		}
	})
}
