package files

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
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/pipeline"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// told is what a run has told.
type told struct {
	rejects []string
	damage  []string
	failed  int
}

// config returns a Config for the files that tells t.
func config(names []string, options *filter.Options, format string, out io.Writer, t *told) *Config {
	return &Config{
		Names: names, Out: out, MaxLine: 1 << 20, InOrder: format == "line",
		Filter: func(onError func(error)) (*filter.Filter, error) {
			o := *options
			o.OnError = onError
			return filter.Compile(&o)
		},
		Renderer: func(func(error)) (pipeline.Renderer, error) {
			return render.New(&render.Options{Format: format, Time: "delta"})
		},
		OnReject: func(name string, _ []byte, offset int64, err error) {
			t.rejects = append(t.rejects, fmt.Sprintf("%s:%d:%v", name, offset, err))
		},
		OnDamage:      func(err error) { t.damage = append(t.damage, err.Error()) },
		OnSkip:        func(string, int64) {},
		OnFilterError: func(error) { t.failed++ },
		OnQueryError:  func(error) { t.failed++ },
		OnRenderError: func(error) { t.failed++ },
	}
}

func do(ctx context.Context, t testing.TB, c *Config) (pipeline.Ledger, pipeline.End, error) {
	t.Helper()
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	end, err := r.Do(ctx)
	l := r.Ledger()
	if l.Received != l.Kept+l.Filtered+l.Rejected {
		t.Fatalf("the ledger does not add up: %+v", l)
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

// model is the run as one would write it down: line after line, each of them
// scanned, unless it has none of the needles.
func model(t *rapid.T, c *Config, texts []string) (out []byte, l pipeline.Ledger, end pipeline.End) {
	keep, err := c.Filter(func(error) { l.Failed++ })
	if err != nil {
		t.Fatal(err)
	}
	renderer, err := c.Renderer(nil)
	if err != nil {
		t.Fatal(err)
	}
	out = renderer.Header(nil)
	var x event.Index
	for i, text := range texts {
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			line = strings.TrimSuffix(line, "\r")
			if len(line) > c.MaxLine {
				l.Received++
				l.Rejected++
				continue
			}
			if len(c.Needles) > 0 {
				has := func(needle string) bool { return strings.Contains(line, needle) }
				if !slices.ContainsFunc(c.Needles, has) && !slices.ContainsFunc(strings.Split(`\u000 \u001 \u002 \u003 \u004 \u005 \u006 \u007`, " "), has) {
					if text != "" {
						l.Received++
						l.Filtered++
					}
					continue
				}
			}
			if strings.TrimSpace(line) == "" {
				continue
			}
			l.Received++
			if x.Scan([]byte(line)) != nil {
				l.Rejected++
				continue
			}
			if x.Repaired() {
				l.Repaired++
			}
			kept := false
			ev := event.Event{Raw: []byte(line), Source: c.Names[i]}
			emit := func(o filter.Output) bool {
				kept = true
				if o.Event {
					out = renderer.Event(out, &ev, &x)
				} else {
					out = renderer.Value(out, &ev, o.JSON)
				}
				return true
			}
			keep.Run(&x, emit)
			if c.Until != nil {
				if yes, _ := c.Until.True(&x); yes {
					end = pipeline.EndUntil
					if !kept {
						emit(filter.Output{Event: true})
					}
				}
			}
			if !kept {
				l.Filtered++
				continue
			}
			if l.Kept++; l.Kept == c.Count && end == pipeline.EndOfInput {
				end = pipeline.EndCount
			}
			if end != pipeline.EndOfInput {
				return out, l, end
			}
		}
	}
	return out, l, end
}

// TestSameAsModel holds the workers equal to the model, for any files, sizes of
// blocks and numbers of workers. A MaxLine below the size of a block makes the
// blocks small.
func TestSameAsModel(t *testing.T) {
	dir := t.TempDir()
	line := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string {
			class := rapid.SampledFrom([]string{"call", "message", `c\u0061ll`, `\u0063all`, "sip"}).Draw(t, "class")
			ev := rapid.SampledFrom([]string{"start", "answer", `answe\u0072`, "end", "call.answer"}).Draw(t, "event")
			return fmt.Sprintf(`{"class":"%s","event":"%s","n":%d,"timestamp":"%d.5","x":"%s"}`, class, ev,
				rapid.IntRange(0, 20).Draw(t, "n"), rapid.IntRange(0, 99).Draw(t, "time"),
				strings.Repeat("y", rapid.IntRange(0, 60).Draw(t, "pad")))
		}),
		rapid.SampledFrom([]string{`{"class":"m","body":"\"call\" answer"}`, "{}", "", "not json", `"answer"`, "{\"name\":\"M\xe9l\",\"class\":\"call\"}", "{\"class\":\"call\"}\r", "{\"class\":\"call\",\r\"n\":11}"}),
	)
	until, err := filter.CompileQuery("--until", ".n == 13", nil, filter.EngineAuto)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		var names, texts []string
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
				var b bytes.Buffer
				z := gzip.NewWriter(&b)
				_, _ = z.Write(content)
				_ = z.Close()
				content = b.Bytes()
			}
			name := filepath.Join(dir, fmt.Sprint("capture", i))
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
			names, texts = append(names, name), append(texts, text)
		}
		options := rapid.SampledFrom([]filter.Options{
			{},
			{Class: []string{"call"}},
			{Event: []string{"answer"}},
			{Event: []string{"call.answer,end"}},
			{Class: []string{"call"}, Event: []string{"answer"}},
			{Class: []string{"!call"}},
			{JQ: ".n > 10"},
			{JQ: `.class == "call" and .event == "answer"`},
			{JQ: `select(.event == "end" or .class == "sip") | .n`},
			{JQ: "{n, class}"},
			{JQ: ".n,.class"},
			{JQ: "select(.n > 10), .n"},
			{JQ: "., select(.n > 10)"},
		}).Draw(t, "filter")
		var got bytes.Buffer
		format := rapid.SampledFrom([]string{"json", "ndjson", "line"}).Draw(t, "format")
		c := config(names, &options, format, &got, &told{})
		c.MaxLine = rapid.IntRange(60, 400).Draw(t, "max")
		c.Workers = rapid.IntRange(1, 5).Draw(t, "workers")
		c.Count = rapid.Int64Range(0, 20).Draw(t, "count")
		if rapid.Bool().Draw(t, "until") {
			c.Until = until
		} else {
			c.Needles = Needles(options.Class, options.Event, options.Where, options.JQ)
		}
		want, wantLedger, wantEnd := model(t, c, texts)
		r, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		end, err := r.Do(context.Background())
		if err != nil || end != wantEnd {
			t.Fatalf("end %v, %v, want %v", end, err, wantEnd)
		}
		if got.String() != string(want) {
			t.Fatalf("got\n%s\nwant\n%s", got.String(), want)
		}
		if l := r.Ledger(); l != wantLedger {
			t.Fatalf("ledger %+v, want %+v", l, wantLedger)
		}
	})
}

func TestNeedles(t *testing.T) {
	for _, row := range []struct {
		class, event, where []string
		jq                  string
		want                []string
	}{
		{},
		{class: []string{"call"}, want: []string{`"call"`}},
		{class: []string{" call , message"}, want: []string{`"call"`, `"message"`}},
		{class: []string{"call*"}},
		{class: []string{"!call"}},
		{class: []string{"!call,message"}, want: []string{`"message"`}},
		{class: []string{"a,b,c,d,e"}},
		{class: []string{"call"}, event: []string{"answer"}, want: []string{`"answer"`}},
		{event: []string{"call.answer"}, want: []string{`answer"`}},
		{event: []string{"call.*"}},
		{event: []string{"call.12"}, want: []string{`12`}},
		{event: []string{"a/b"}},
		{event: []string{"ä"}},
		{class: []string{"true"}, want: []string{"true"}},
		{class: []string{"call"}, event: []string{"start,end"}, want: []string{`"call"`}},
		{where: []string{"callid=1234.5"}, want: []string{"1234.5"}},
		{where: []string{"name = Ann B"}, want: []string{`"Ann B"`}},
		{where: []string{"name=An"}},
		{where: []string{"name!=Anna", "name~Anna", "n>=1000"}},
		{jq: `.class == "call"`, want: []string{`"call"`}},
		{jq: `"12" == .event`, want: []string{`"12"`}},
		{jq: `.class == "call" and .event == "answer"`, want: []string{`"answer"`}},
		{jq: `.machine == 2 and (.class != "x" and .event == "answer") and .n > 1`, want: []string{`"answer"`}},
		{jq: `.n > 1 and .event == "answer"`, want: []string{`"answer"`}},
		// May fail on other lines.
		{jq: `(.n|tonumber) > 1 and .event == "answer"`},
		{jq: `.n + 1 == 2 and .event == "answer"`},
		{jq: `.event == "start" or .event == "end"`, want: []string{`"start"`, `"end"`}},
		{jq: `.event == "start" or .n == 1`},
		{jq: `select(.event == "end" and .n > 1) | {n} | .n`, want: []string{`"end"`}},
		{jq: `select(.event == "end") | select(.class == "call") | .n`, want: []string{`"end"`}},
		{jq: `.event == "end" | not`},
		{jq: `.event == "end", true`},
		{jq: `.event == "end" // true`},
		{jq: `[.event == "end"]`},
		{jq: `.event == "e\(1)"`},
		{jq: `.event == "a/b"`},
		{jq: `.event.name == "name"`},
		{jq: `. as $x | .event == "end"`},
		{jq: `def select(f): .; select(.event == "end")`},
		{jq: `def f: .; .event == "end"`},
		{jq: `try (.event == "end")`},
		{jq: `(.event == "end")?`},
		{jq: `if .event == "end" then true else true end`},
		{class: []string{"call"}, jq: `.event == "end"`, want: []string{`"end"`}},
	} {
		if got := Needles(row.class, row.event, row.where, row.jq); !slices.Equal(got, row.want) {
			t.Errorf("%q %q %q: got %q, want %q", row.class, row.event, row.where, got, row.want)
		}
	}
}

// FuzzNeedles looks for events that the filters keep and the needles miss.
func FuzzNeedles(f *testing.F) {
	f.Add(`{"class":"call","event":"answer"}`, "call", "answer", "1234")
	f.Add(`{"class":"c\u0061ll","event":12}`, "call", "12", "ab/c")
	f.Add(`{"class":[1],"event":"a.b","f":{"x":1}}`, "[1]", "a.b", `{"x":1}`)
	f.Add("{\"class\":\"M\xe9l\xe9\"}", "M", "answer", "1234")
	f.Fuzz(func(t *testing.T, line, class, ev, value string) {
		var x event.Index
		if strings.Contains(line, "\n") || x.Scan([]byte(line)) != nil {
			return
		}
		for _, o := range []filter.Options{{Class: []string{class}}, {Event: []string{ev}}, {Where: []string{"f=" + value}}, {Class: []string{class}, Event: []string{ev}}, {JQ: ".class == " + strconv.Quote(class)}, {JQ: "select(.event == " + strconv.Quote(ev) + " or .class == " + strconv.Quote(class) + ")"}} {
			keep, err := filter.Compile(&o)
			if err != nil {
				continue
			}
			needles := Needles(o.Class, o.Event, o.Where, o.JQ)
			if needles == nil {
				continue
			}
			kept := false
			keep.Run(&x, func(filter.Output) bool { kept = true; return true })
			s := newSearch(needles)
			s.begin([]byte(line))
			if kept && s.next([]byte(line), 0) < 0 {
				t.Fatalf("%q is kept by %+v and has none of %q", line, o, needles)
			}
		}
	})
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
	c := config([]string{one, two}, &filter.Options{JQ: ".n"}, "ndjson", &out, &said)
	c.Merge = true
	l, _, err := do(t.Context(), t, c)
	if want := "1\n2\n3\n\"after 3\"\n\"3 again\"\n4\n5\n"; out.String() != want || err != nil {
		t.Errorf("got %q, want %q, %v", out.String(), want, err)
	}
	if l.Kept != 7 || l.Rejected != 1 || len(said.rejects) != 1 || !strings.HasPrefix(said.rejects[0], two+":60:") {
		t.Errorf("ledger %+v, rejects %q", l, said.rejects)
	}
}

func TestDamageAndMissing(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, strings.Repeat("{\"class\":\"call\"}\n", 1000))
	_ = z.Close()
	cut := write(t, b.String()[:b.Len()-10])
	whole := write(t, "{\"n\":1}\n")
	var out bytes.Buffer
	var said told
	l, end, err := do(t.Context(), t, config([]string{cut, filepath.Join(t.TempDir(), "none"), whole}, &filter.Options{}, "ndjson", &out, &said))
	if end != pipeline.EndOfInput || err != nil || len(said.damage) != 2 {
		t.Errorf("%v, %v, %q", end, err, said.damage)
	}
	if !strings.HasSuffix(out.String(), "{\"n\":1}\n") || l.Kept < 2 {
		t.Errorf("ledger %+v", l)
	}
}

// stuck is a reader that has given something and then gives nothing more.
type stuck struct {
	first io.Reader
	end   chan struct{}
}

func (s stuck) Read(p []byte) (int, error) {
	if n, _ := s.first.Read(p); n > 0 {
		return n, nil
	}
	<-s.end
	return 0, io.EOF
}

// TestStdin proves that an event that comes alone is written at once, and that
// a run ends by its context while standard input gives nothing.
func TestStdin(t *testing.T) {
	in := stuck{strings.NewReader("{\"n\":1}\n{\"n\":"), make(chan struct{})}
	defer close(in.end)
	ctx, cancel := context.WithCancel(t.Context())
	written := writerFunc(func(p []byte) (int, error) {
		if string(p) != "{\"n\":1}\n" {
			t.Errorf("written: %q", p)
		}
		cancel()
		return len(p), nil
	})
	c := config([]string{"-"}, &filter.Options{}, "ndjson", written, &told{})
	c.Stdin = in
	if _, end, err := do(ctx, t, c); end != pipeline.EndSignal || err != nil {
		t.Errorf("%v, %v", end, err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestOutputFails(t *testing.T) {
	name := write(t, strings.Repeat("{\"class\":\"call\"}\n", 100_000))
	for _, row := range []struct {
		err error
		end pipeline.End
	}{{syscall.EPIPE, pipeline.EndClosed}, {syscall.ENOSPC, pipeline.EndOutput}} {
		out := writerFunc(func([]byte) (int, error) { return 0, row.err })
		_, end, err := do(t.Context(), t, config([]string{name}, &filter.Options{}, "ndjson", out, &told{}))
		if end != row.end || !errors.Is(err, row.err) {
			t.Errorf("%v: %v, %v", row.err, end, err)
		}
	}
}

func BenchmarkCat(b *testing.B) {
	var text strings.Builder
	for i := range 100_000 {
		ev := []string{"start", "ring", "answer", "end", "route", "hold", "up", "down"}[i%8]
		fmt.Fprintf(&text, `{"asteriskid":"1234567890.%d","callid":"1234567890.%06d","class":"call","event":"%s","machine":%d,"timestamp":"1234567890.%06d","uniqueid":"1234567890.%06d"}`+"\n", i, i, ev, i%7, i, i)
	}
	name := write(b, text.String())
	for _, row := range []struct {
		name    string
		options filter.Options
		format  string
		strict  bool
	}{
		{"needle", filter.Options{Class: []string{"call"}, Event: []string{"answer"}}, "ndjson", false},
		{"strict", filter.Options{Class: []string{"call"}, Event: []string{"answer"}}, "ndjson", true},
		{"native", filter.Options{JQ: ".machine == 2"}, "ndjson", false},
		{"all", filter.Options{}, "ndjson", false},
		{"line", filter.Options{}, "line", false},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				c := config([]string{name}, &row.options, row.format, io.Discard, &told{})
				if !row.strict {
					c.Needles = Needles(row.options.Class, row.options.Event, row.options.Where, row.options.JQ)
				}
				do(b.Context(), b, c)
			}
		})
	}
}
