package tui

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/trace"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// saveFormats are the ends of the names of files, and what is in such a file.
var saveFormats = [...]struct{ end, what string }{
	{".ndjson", "the records"},
	{".csv", "the records"},
	{".events.ndjson", "the events as received"},
	{".mmd", "a Mermaid diagram"},
}

// askSave asks for the name of the file to save calls in.
func (m *model) askSave() {
	numbers, what := m.toSave()
	if len(numbers) == 0 {
		m.say("no calls to save")
		return
	}
	p := newPrompt("save "+what+" to", freeName(time.Now(), saveFormats[0].end), func(name string) bool {
		format := formatOf(name)
		if format < 0 {
			m.say("end the name in .ndjson, .csv, .events.ndjson or .mmd")
			return false
		}
		s := m.s
		m.cmd = func() tea.Msg {
			defer s.rescue()
			return savedMsg{save(s, name, format, numbers)}
		}
		return true
	})
	p.hint = "Tab " + saveFormats[1].end + " …"
	p.tab = func() {
		name := string(p.runes)
		i := formatOf(name)
		if i >= 0 {
			name = strings.TrimSuffix(name, saveFormats[i].end)
		}
		p.runes = []rune(name + saveFormats[(i+1)%len(saveFormats)].end)
		p.at = len(p.runes)
		p.hint = saveFormats[(i+1)%len(saveFormats)].what
	}
	m.prompt = p
}

// toSave returns the numbers of the calls to save: the open one, or those that are marked, or
// those that are shown.
func (m *model) toSave() (numbers []int64, what string) {
	if m.open != nil {
		return []int64{m.open.row.Number}, "the call"
	}
	for n := range m.list.marked {
		numbers = append(numbers, n)
	}
	if slices.Sort(numbers); len(numbers) > 0 {
		return numbers, cli.Plural(int64(len(numbers)), "marked call")
	}
	for _, e := range m.list.rows {
		numbers = append(numbers, e.number)
	}
	return numbers, cli.Plural(int64(len(numbers)), "call")
}

// formatOf returns the index of the format that a name ends in, -1 for none.
func formatOf(name string) int {
	found := -1
	for i, f := range saveFormats {
		if strings.HasSuffix(name, f.end) && (found < 0 || len(f.end) > len(saveFormats[found].end)) {
			found = i
		}
	}
	return found
}

// freeName returns a name that no file has.
func freeName(now time.Time, end string) string {
	name := "calls-" + now.Format("20060102-150405")
	for n := 1; ; n++ {
		try := name
		if n > 1 {
			try = fmt.Sprintf("%s-%d", name, n)
		}
		if _, err := os.Lstat(try + end); errors.Is(err, fs.ErrNotExist) || n == 1000 {
			return try + end
		}
	}
}

// saved is a call to be saved.
type saved struct {
	begin  int64
	number int64
	record []byte
	call   *trace.Call
}

// save writes calls to a new file, and returns what became of it. It never overwrites one.
func save(s *Screen, name string, format int, numbers []int64) string {
	var all []saved
	end := saveFormats[format].end
	s.sink.Look(numbers, func(c *call.Call) {
		one := saved{c.Begin(), c.Number(), c.AppendRecord(nil), nil}
		if end == ".mmd" || end == ".events.ndjson" {
			one.call = trace.Copy(c, s.o.Map)
		}
		all = append(all, one)
	})
	slices.SortFunc(all, func(a, b saved) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.number, b.number))
	})
	text, err := contents(all, end)
	if err == nil {
		err = writeNew(name, text)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return name + " is there already, and is not overwritten: choose another name"
	case err != nil:
		return "not saved: " + err.Error()
	}
	if path, err := filepath.Abs(name); err == nil {
		name = path
	}
	done := cli.Plural(int64(len(all)), "call") + " saved to " + name
	if left := len(numbers) - len(all); left > 0 {
		done += fmt.Sprintf("; %d are not kept any more", left)
	}
	return done
}

// contents returns what is to be in a file with that end.
func contents(all []saved, end string) (out []byte, err error) {
	switch end {
	case ".ndjson":
		for _, c := range all {
			out = append(append(out, c.record...), '\n')
		}
	case ".csv":
		r, err := render.New(&render.Options{Calls: true, Format: "csv", Fields: call.Fields()})
		if err != nil {
			return nil, err
		}
		var x event.Index
		out = r.Header(out)
		for _, c := range all {
			if err := x.Scan(c.record); err != nil {
				return nil, err
			}
			out = r.Event(out, &event.Event{Raw: c.record}, &x)
		}
	default:
		name := "mermaid"
		if end == ".events.ndjson" {
			name = "ndjson"
		}
		f, err := trace.NewFormat(&trace.FormatOptions{Name: name})
		if err != nil {
			return nil, err
		}
		out = f.Header(out)
		for _, c := range all {
			out = f.Call(out, c.call)
		}
		out = f.Footer(out)
	}
	return out, nil
}

// writeNew writes a file that must not be there, and removes it if that fails.
func writeNew(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = cmp.Or(err, f.Close()); err != nil {
		_ = os.Remove(name)
	}
	return err
}
