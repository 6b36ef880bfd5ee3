package engine

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/needle"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// told is what a run has told, each kind in its order.
type told struct {
	rejects, failures []string
	damage            int
}

// listen has a run tell t.
func (t *told) listen(c *Config) {
	c.OnReject = func(r Rejected) {
		t.rejects = append(t.rejects, fmt.Sprintf("%s:%d:%v", r.Source, r.Offset, r.Err))
	}
	c.OnFailure = func(what, kind, text string) { t.failures = append(t.failures, what+": "+text) }
	c.OnDamage = func(error) { t.damage++ }
}

// model is a run of captures as one would write it down: one line after the other.
type model struct {
	*Config
	CaptureOptions
	keep     filter.Options
	show     render.Options
	received time.Time

	filter   *filter.Filter
	renderer *render.Renderer
	told
	out []byte
	l   Ledger
	end End
}

func (m *model) run(t *rapid.T, texts []string) {
	m.begin(t)
	for i, text := range texts {
		offset := int64(0)
		for line := range strings.Lines(text) {
			if m.line(m.Names[i], offset, strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")); m.end != EndOfInput {
				return
			}
			offset += int64(len(line))
		}
	}
}

// begin compiles what a run needs.
func (m *model) begin(t *rapid.T) {
	m.keep.OnError = func(err error) { m.failures = append(m.failures, "jq: "+err.Error()); m.l.Failed++ }
	var err error
	if m.filter, err = filter.Compile(&m.keep); err != nil {
		t.Fatal(err)
	}
	m.show.OnError = func(err error) { m.failures = append(m.failures, "--template: "+err.Error()); m.l.Failed++ }
	if m.renderer, err = render.New(&m.show); err != nil {
		t.Fatal(err)
	}
	m.out = m.renderer.Header(nil)
}

func (m *model) line(name string, offset int64, line string) {
	show := m.renderer
	reject := func(err error) {
		m.l.Received++
		m.l.Rejected++
		m.rejects = append(m.rejects, fmt.Sprintf("%s:%d:%v", name, offset, err))
	}
	if len(line) > m.MaxLine {
		reject(capture.ErrTooLong)
		return
	}
	if strings.TrimSpace(line) == "" {
		return
	}
	if len(m.Needles) > 0 {
		has := func(needle string) bool { return strings.Contains(line, needle) }
		if !slices.ContainsFunc(m.Needles, has) && !slices.ContainsFunc(strings.Split(`\u000 \u001 \u002 \u003 \u004 \u005 \u006 \u007`, " "), has) {
			m.l.Received++
			m.l.Filtered++
			return
		}
	}
	var x event.Index
	if err := x.Scan([]byte(line)); err != nil {
		reject(err)
		return
	}
	m.l.Received++
	if x.Repaired() {
		m.l.Repaired++
	}
	done, before, state := false, len(m.out), show.State()
	ev := event.Event{Raw: []byte(line), Received: m.received, Source: name}
	emit := func(o filter.Output) bool {
		done = true
		if o.Event {
			m.out = show.Event(m.out, &ev, &x)
		} else {
			m.out = show.Value(m.out, &ev, o.JSON)
		}
		return true
	}
	m.filter.Run(&x, emit)
	if m.Until != nil {
		if yes, _ := m.Until.True(&x); yes {
			m.end = EndUntil
			if !done {
				emit(filter.Output{Event: true})
			}
		}
	}
	if len(m.out) == before {
		show.SetState(state)
		m.l.Filtered++
		return
	}
	if m.l.Kept++; m.l.Kept == m.Count && m.end == EndOfInput {
		m.end = EndCount
	}
}

// captureLine draws a line of a capture.
func captureLine() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string {
			class := rapid.SampledFrom([]string{"call", "message", `c\u0061ll`, `\u0063all`, "sip"}).Draw(t, "class")
			ev := rapid.SampledFrom([]string{"start", "answer", `answe\u0072`, "end", "call.answer", "a_name_that_is_long"}).Draw(t, "event")
			return fmt.Sprintf(`{"class":"%s","event":"%s","n":%d,"timestamp":"%d.5","x":"%s"}`, class, ev,
				rapid.IntRange(0, 20).Draw(t, "n"), rapid.IntRange(0, 9).Draw(t, "time")*40_000,
				strings.Repeat("y", rapid.IntRange(0, 60).Draw(t, "pad")))
		}),
		rapid.SampledFrom([]string{
			`{"class":"m","body":"\"call\" answer"}`, "{}", "", "not json", `"answer"`, "{\"name\":\"M\xe9l\",\"class\":\"call\"}",
			"{\"class\":\"call\"}\r", "{\"class\":\"call\",\r\"n\":11}", `{"event":"no_time_but_a_long_name"}`,
		}),
	)
}

var captureFilters = []filter.Options{
	{},
	{Class: []string{"call"}},
	{Event: []string{"answer"}},
	{Event: []string{"call.answer,end"}},
	{Class: []string{"call"}, Event: []string{"answer"}},
	{Class: []string{"!call"}},
	{Grep: []string{"^(answer|long_name)"}},
	{JQ: ".n > 10"},
	{JQ: `.class == "call" and .event == "answer"`},
	{JQ: `select(.event == "end" or .class == "sip") | .n`},
	{JQ: "{n, class}"},
	{JQ: ".n,.class"},
	{JQ: "select(.n > 10), .n"},
	{JQ: "., select(.n > 10)"},
	{JQ: `select(.n > 3) | ., error("n \(.n)")`},
}

var captureFormats = []render.Options{
	{Format: "json"},
	{Format: "ndjson"},
	{Format: "line", Time: "delta", Location: time.UTC},
	{Format: "line", Time: "local", Location: time.UTC},
	{Format: "csv", Fields: []string{"n", "class"}},
	{Format: "template", Template: `{{if .n}}{{if gt .n 5}}{{time "utc" .timestamp}} {{.n}}{{"\n"}}{{end}}{{else}}{{time "rfc3339" .timestamp}}{{"\n"}}{{end}}`, Location: time.UTC},
}

// drawCaptures writes captures and returns their names and texts.
func drawCaptures(t *rapid.T, dir string) (names, texts []string) {
	line := captureLine()
	for i := range rapid.IntRange(1, 3).Draw(t, "files") {
		text := strings.Join(rapid.SliceOfN(line, 0, 60).Draw(t, "lines"), "\n")
		if text != "" {
			text += "\n"
		}
		if rapid.Bool().Draw(t, "open") { // without a newline at its end
			text += `{"class":"call","event":"answer","n":12}`
		}
		content := []byte(text)
		if rapid.Bool().Draw(t, "packed") {
			content = packed(text)
		}
		name := filepath.Join(dir, fmt.Sprint("capture", i))
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		names, texts = append(names, name), append(texts, text)
	}
	return names, texts
}

// packed is text, compressed.
func packed(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.Bytes()
}

// TestSameAsModel holds a run of captures equal to the model, for any files, sizes of
// blocks and numbers of workers. A MaxLine below the size of a block makes the
// blocks small.
func TestSameAsModel(t *testing.T) {
	dir := t.TempDir()
	until := query(t, ".n == 13")
	rapid.Check(t, func(t *rapid.T) {
		names, texts := drawCaptures(t, dir)
		keep := rapid.SampledFrom(captureFilters).Draw(t, "filter")
		show := rapid.SampledFrom(captureFormats).Draw(t, "format")
		var got bytes.Buffer
		c := &Config{Sink: text(t, keep, show), Out: &got, Workers: rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "workers")}
		c.Header = c.Sink.(*Text).Header()
		c.Count = rapid.Int64Range(0, 20).Draw(t, "count")
		if rapid.Bool().Draw(t, "until") {
			c.Until = until
		} else {
			c.Needles = needle.Of(&keep)
		}
		o := CaptureOptions{Names: names, MaxLine: rapid.IntRange(60, 400).Draw(t, "max")}
		m := &model{Config: c, CaptureOptions: o, keep: keep, show: show}
		m.run(t, texts)

		var told told
		told.listen(c)
		source := NewCaptures(&o)
		end, _, err := source.Run(context.Background(), c)
		if err != nil || end != m.end {
			t.Fatalf("end %v, %v, want %v", end, err, m.end)
		}
		if got.String() != string(m.out) {
			t.Fatalf("got\n%s\nwant\n%s", got.String(), m.out)
		}
		if l := source.Ledger(); l != m.l {
			t.Fatalf("ledger %+v, want %+v", l, m.l)
		}
		slices.Sort(told.rejects) // lines that are too long come before the block
		slices.Sort(m.rejects)
		if !slices.Equal(told.rejects, m.rejects) || !slices.Equal(told.failures, m.failures) {
			t.Fatalf("told\n%+v\nwant\n%+v", told, m.told)
		}
	})
}

// cat runs a source of captures.
func cat(ctx context.Context, t testing.TB, o CaptureOptions, c *Config) (Ledger, End, error) {
	t.Helper()
	o.MaxLine = 1 << 20
	source := NewCaptures(&o)
	end, _, err := source.Run(ctx, c)
	l := source.Ledger()
	if !addsUp(l) {
		t.Errorf("%+v", l)
	}
	return l, end, err
}

func write(t testing.TB, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "capture")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestMerge(t *testing.T) {
	one := write(t, `{"timestamp":"1.0","n":1}
{"timestamp":"3.0","n":3}
{"n":"after 3"}
{"timestamp":"5.0","n":5}
`)
	two := write(t, `{"timestamp":"2.0","n":2}
{"timestamp":"3.0","n":"3 again"}
bad
{"timestamp":"4.0","n":4}`)
	var out bytes.Buffer
	var said told
	c := filtered(t, filter.Options{JQ: ".n"}, &out)
	said.listen(c)
	l, _, err := cat(t.Context(), t, CaptureOptions{Names: []string{one, two}, Merge: true}, c)
	if want := "1\n2\n3\n\"after 3\"\n\"3 again\"\n4\n5\n"; out.String() != want || err != nil {
		t.Errorf("got %q, want %q, %v", out.String(), want, err)
	}
	if l.Kept != 7 || l.Rejected != 1 || len(said.rejects) != 1 || !strings.HasPrefix(said.rejects[0], two+":60:") {
		t.Errorf("ledger %+v, rejects %q", l, said.rejects)
	}
}

// TestDisorder: only events that were handed out count as out of order.
func TestDisorder(t *testing.T) {
	names := []string{write(t, `{"timestamp":"1.0"}`), write(t, `{"timestamp":"100.0"}
{"timestamp":"10.0"}
{"n":1}
{"timestamp":"200.0"}
{"timestamp":"20.0"}
`)}
	for count, want := range [][2]int64{{2, 1}, {0, 0}, {0, 0}, {1, 0}, {1, 1}, {1, 1}, {2, 1}} { // count 0 is all
		c := verbatim(t, io.Discard)
		c.Count = int64(count)
		source := NewCaptures(&CaptureOptions{Names: names, Merge: true, MaxLine: 100})
		if _, _, err := source.Run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if back, untimed := source.Disorder(); back != want[0] || untimed != want[1] {
			t.Errorf("of %d events: %d out of order, %d without a time, want %v", count, back, untimed, want)
		}
	}
}

func TestDamageAndMissing(t *testing.T) {
	text := packed(strings.Repeat("{\"class\":\"call\"}\n", 1000))
	cut := write(t, string(text[:len(text)-10]))
	whole := write(t, "{\"n\":1}\n")
	var out bytes.Buffer
	var said told
	c := verbatim(t, &out)
	said.listen(c)
	l, end, err := cat(t.Context(), t, CaptureOptions{Names: []string{cut, filepath.Join(t.TempDir(), "none"), whole}}, c)
	if end != EndOfInput || err != nil || said.damage != 2 {
		t.Errorf("%v, %v, %d", end, err, said.damage)
	}
	if !strings.HasSuffix(out.String(), "{\"n\":1}\n") || l.Kept < 2 {
		t.Errorf("ledger %+v", l)
	}
}

// halted is a reader that has given something and then gives nothing more.
type halted struct {
	first io.Reader
	end   chan struct{}
}

func (s halted) Read(p []byte) (int, error) {
	if n, _ := s.first.Read(p); n > 0 {
		return n, nil
	}
	<-s.end
	return 0, io.EOF
}

// TestStdin proves that an event that comes alone is written at once, and that
// a run ends by its context while standard input gives nothing.
func TestStdin(t *testing.T) {
	in := halted{strings.NewReader("{\"n\":1}\n{\"n\":"), make(chan struct{})}
	defer close(in.end)
	ctx, cancel := context.WithCancel(t.Context())
	c := verbatim(t, writer(func(p []byte) (int, error) {
		if string(p) != "{\"n\":1}\n" {
			t.Errorf("written: %q", p)
		}
		cancel()
		return len(p), nil
	}))
	if _, end, err := cat(ctx, t, CaptureOptions{Names: []string{"-"}, Stdin: in}, c); end != EndSignal || err != nil {
		t.Errorf("%v, %v", end, err)
	}
}

// TestOutputFails: what was written before counts as kept, and what was to be
// written as waiting, on all cores.
func TestOutputFails(t *testing.T) {
	name := write(t, strings.Repeat("{\"class\":\"call\"}\n", 100_000))
	for _, row := range []struct {
		err error
		end End
	}{{syscall.EPIPE, EndClosed}, {syscall.ENOSPC, EndOutput}} {
		var out bytes.Buffer
		c := verbatim(t, failing(&out, 2, row.err))
		c.Workers = 4
		l, end, err := cat(t.Context(), t, CaptureOptions{Names: []string{name}}, c)
		if end != row.end || !errors.Is(err, row.err) || l.Kept != int64(bytes.Count(out.Bytes(), []byte("\n"))) || l.Kept == 0 || l.Waiting == 0 {
			t.Errorf("%v: %v, %v, %+v", row.err, end, err, l)
		}
	}
}

// TestStop: a run that is ended in the middle has written whole events in a row, and
// counts them.
func TestStop(t *testing.T) {
	var text strings.Builder
	for n := range 100_000 {
		text.Write(append(testEvent(n, 0).Raw, '\n'))
	}
	name := write(t, text.String())
	for after := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		var out bytes.Buffer
		c := filtered(t, filter.Options{JQ: ". as $x | $x"}, writer(func(p []byte) (int, error) {
			if after--; after < 0 {
				cancel()
			}
			return out.Write(p)
		}))
		c.Workers = 4
		l, end, err := cat(ctx, t, CaptureOptions{Names: []string{name}}, c)
		n := strings.Count(out.String(), "\n")
		if err != nil || end != EndSignal && end != EndOfInput || l.Kept != int64(n) || l.Waiting != 0 || out.String() != text.String()[:out.Len()] {
			t.Errorf("%v, %v, %d lines, %+v", end, err, n, l)
		}
		cancel()
	}
}

// TestSlowFilter: what is done is written while the next events take their time.
func TestSlowFilter(t *testing.T) {
	var lines strings.Builder
	for n := range 10 {
		lines.Write(append(testEvent(n, 0).Raw, '\n'))
	}
	name := write(t, lines.String())
	for _, workers := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			var mapped atomic.Int64
			first := int64(0)
			c := verbatim(t, writer(func(p []byte) (int, error) {
				if first == 0 {
					first = mapped.Load()
				}
				return len(p), nil
			}))
			c.Workers = workers
			c.Sink = hooked{c.Sink.(*Text), func(*Event) {
				mapped.Add(1)
				time.Sleep(2 * maxPending)
			}}
			if _, _, err := NewCaptures(&CaptureOptions{Names: []string{name}, MaxLine: 1000}).Run(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if first == 0 || first > 5 {
				t.Errorf("%d workers: the first write came after %d of 10 events", workers, first)
			}
		})
	}
}

// portions is a sink that writes much at the end, and counts what of it has been written.
type portions struct {
	*Text
	out     *bytes.Buffer
	written []int
}

func (*portions) Tick(time.Duration, *Output) (time.Duration, End) { return 0, EndOfInput }

func (p *portions) Finish(out *Output) {
	for range 3 {
		out.SetText(append(out.Text(), make([]byte, 2*writeSize)...))
		out.Flush()
		p.written = append(p.written, p.out.Len()/writeSize)
	}
}

// TestFinishInPortions: what a sink adds at the end need not be in memory whole.
func TestFinishInPortions(t *testing.T) {
	var out bytes.Buffer
	p := &portions{Text: text(t, filter.Options{}, render.Options{Format: "ndjson"}), out: &out}
	_, end, err := cat(t.Context(), t, CaptureOptions{Names: []string{write(t, "")}}, &Config{Sink: p, Out: &out})
	if end != EndOfInput || err != nil || !slices.Equal(p.written, []int{2, 4, 6}) || out.Len() != 6*writeSize {
		t.Errorf("%v, %v: %v blocks written, %d bytes in the end", end, err, p.written, out.Len())
	}
}
