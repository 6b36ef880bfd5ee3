package whole

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fataler is a test of testing or of rapid.
type fataler interface {
	Fatal(args ...any)
	Helper()
}

// passing is the filter of the tests.
const passing = "pass=1"

// newText returns the sink that writes what is kept as it came.
func newText(t fataler) *engine.Text {
	t.Helper()
	text, err := engine.NewText(func(func(error)) (*filter.Filter, error) {
		return filter.Compile(&filter.Options{Where: []string{passing}})
	}, func(func(error)) (*render.Renderer, error) { return render.New(&render.Options{Format: "json"}) })
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func newCalls(t fataler) *Calls {
	t.Helper()
	m, err := call.NewMap()
	if err != nil {
		t.Fatal(err)
	}
	return New(m, call.Options{})
}

// read reads files into a sink and returns what it writes.
func read(t fataler, s engine.Sink, merge bool, files ...string) (out string, l engine.Ledger) {
	t.Helper()
	var b bytes.Buffer
	c := engine.NewCaptures(&engine.CaptureOptions{Names: files, MaxLine: 16 << 20, Merge: merge})
	if end, _, err := c.Run(context.Background(), &engine.Config{Sink: s, Out: &b, Workers: 3}); err != nil || end != engine.EndOfInput {
		t.Fatal(end, err)
	}
	l = c.Ledger()
	if l.Kept != int64(strings.Count(b.String(), "\n")) || l.Received != l.Kept+l.Filtered {
		t.Fatal("the ledger is wrong: ", fmt.Sprintf("%+v", l), b.Len())
	}
	return b.String(), l
}

// readOnce returns what is printed of the files if they are read once.
func readOnce(t fataler, c *Calls, files ...string) string {
	t.Helper()
	out, _ := read(t, c.Once(newText(t)), len(files) > 1, files...)
	return out
}

// readTwice returns what is printed of the files if they are read twice.
func readTwice(t fataler, c *Calls, files ...string) string {
	t.Helper()
	twice := c.Twice(newText(t))
	first, done := twice.First()
	c2 := engine.NewCaptures(&engine.CaptureOptions{Names: files, MaxLine: 16 << 20, Merge: len(files) > 1})
	if _, _, err := c2.Run(context.Background(), &engine.Config{Sink: first, Out: &bytes.Buffer{}, Workers: 3}); err != nil {
		t.Fatal(err)
	}
	done()
	out, _ := read(t, twice.Second(), false, files...)
	return out
}

// plain is an event as its generator knows it.
type plain struct {
	at                           int64 // microseconds since 1970
	class, name                  string
	machine                      int
	callid, uniqueid, asteriskid string
	pass                         int
	json                         string
}

func (e *plain) ids() (all []string) {
	if e.callid != "" {
		all = append(all, e.callid)
	}
	if e.uniqueid != "" {
		all = append(all, e.uniqueid)
	}
	if e.asteriskid != "" {
		all = append(all, fmt.Sprintf("%d/%s", e.machine, e.asteriskid))
	}
	return all
}

func (e *plain) write() {
	var b strings.Builder
	fmt.Fprintf(&b, `{"class":%q,"event":%q,"machine":%d,"timestamp":"%d.%06d","pass":%d`, e.class, e.name, e.machine, e.at/1e6, e.at%1e6, e.pass)
	for _, id := range [][2]string{{"callid", e.callid}, {"uniqueid", e.uniqueid}, {"asteriskid", e.asteriskid}} {
		if id[1] != "" {
			fmt.Fprintf(&b, ",%q:%q", id[0], id[1])
		}
	}
	e.json = b.String() + "}"
}

// union is a call of the reference: its ids and its events.
type union struct {
	ids    map[string]bool
	events []*plain
}

// reference returns what is to be printed, the plain way: all events in the order of
// their timestamps, those with a common id together. No id is used again.
func reference(events []*plain) map[string]int {
	sorted := slices.Clone(events)
	slices.SortStableFunc(sorted, func(a, b *plain) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.machine, b.machine), cmp.Compare(a.json, b.json))
	})
	var calls []*union
	printed := map[string]int{}
	for _, e := range sorted {
		var own []*union
		for _, c := range calls {
			if slices.ContainsFunc(e.ids(), func(id string) bool { return c.ids[id] }) {
				own = append(own, c)
			}
		}
		inCall := e.class == "call"
		switch {
		case len(own) == 0 && (!inCall || len(e.ids()) == 0):
			printed[e.json] += e.pass
			continue
		case len(own) == 0:
			calls = append(calls, &union{ids: map[string]bool{}})
			own = calls[len(calls)-1:]
		case !inCall:
			// It has ids of one call, as drawn.
		}
		c := own[0]
		if inCall {
			for _, other := range own[1:] {
				for id := range other.ids {
					c.ids[id] = true
				}
				c.events = append(c.events, other.events...)
				calls = slices.DeleteFunc(calls, func(c *union) bool { return c == other })
			}
			for _, id := range e.ids() {
				c.ids[id] = true
			}
		}
		c.events = append(c.events, e)
	}
	for _, c := range calls {
		if slices.ContainsFunc(c.events, func(e *plain) bool { return e.pass == 1 }) {
			for _, e := range c.events {
				printed[e.json] = 1 // also if it came twice
			}
		}
	}
	return printed
}

// drawEvents draws events of some calls that share ids now and then, within less than 5
// minutes. An event of another class has one id.
func drawEvents(t *rapid.T) []*plain {
	now := int64(1_234_567_890_000_000)
	var events []*plain
	for range rapid.IntRange(1, 50).Draw(t, "events") {
		now += rapid.SampledFrom([]int64{1, 200_000, 1_999_999, 3_000_000, 5_500_000}).Draw(t, "pause")
		id := func(prefix string, n int) string {
			if i := rapid.IntRange(-2, n).Draw(t, prefix); i >= 0 {
				return fmt.Sprint(prefix, i)
			}
			return ""
		}
		e := &plain{
			at: now, machine: rapid.IntRange(1, 2).Draw(t, "machine"),
			class: rapid.SampledFrom([]string{"call", "call", "call", "other"}).Draw(t, "class"),
			name:  rapid.SampledFrom([]string{"start", "ring", "answer", "end", "hold"}).Draw(t, "event"),
			pass:  rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 0, 1}).Draw(t, "pass"),
		}
		e.callid, e.uniqueid = id("c", 8), id("u", 20)
		switch {
		case e.class != "call" && e.callid != "":
			e.uniqueid = ""
		case e.class == "call":
			e.asteriskid = id("a", 8)
		}
		e.write()
		events = append(events, e)
		if rapid.IntRange(0, 9).Draw(t, "again") == 0 {
			events = append(events, e)
		}
	}
	return events
}

// write writes the events of a machine, or all for 0, to a file.
func write(t fataler, dir, name string, events []*plain, machine int) string {
	t.Helper()
	var b strings.Builder
	for _, e := range events {
		if machine == 0 || e.machine == machine {
			b.WriteString(e.json + "\n")
		}
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestReference compares what is printed with the reference: from one file and from one
// for each machine, read once and twice.
func TestReference(t *testing.T) {
	dir := t.TempDir()
	chosen := 0
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		want := reference(events)
		all := write(t, dir, "all", events, 0)
		first, second := write(t, dir, "1", events, 1), write(t, dir, "2", events, 2)
		for name, got := range map[string]string{
			"once": readOnce(t, newCalls(t), all), "twice": readTwice(t, newCalls(t), all),
			"two files twice": readTwice(t, newCalls(t), second, first),
		} {
			count := map[string]int{}
			for line := range strings.Lines(got) {
				count[strings.TrimSuffix(line, "\n")]++
			}
			for _, e := range events {
				if count[e.json] != want[e.json] {
					t.Fatalf("%s: %s printed %d times, want %d", name, e.json, count[e.json], want[e.json])
				}
			}
		}
		for _, n := range want {
			chosen += n
		}
	})
	if chosen == 0 {
		t.Error("nothing was ever to be printed")
	}
}
