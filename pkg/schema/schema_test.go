package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// randomEvents draws events of few names, with values of all kinds.
func randomEvents(t *rapid.T) []string {
	text := rapid.SampledFrom([]string{
		"", "a", "b", "1", "0", "12", "1.5", "-2e3", "+442079460000", "true", "10.0.0.1", "::1", "00:11:22:33:44:55", "sip:a", "2026-11-26",
		"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "deadbeef00", "two words", "x\ny", "Bearer x", "a@b", strings.Repeat("long", 20),
	})
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				return nil
			case 1:
				return rapid.Bool().Draw(t, "bool")
			case 2:
				return rapid.IntRange(0, 40).Draw(t, "number")
			case 3:
				if depth < 3 {
					return rapid.SliceOfN(value(depth+1), 0, 3).Draw(t, "array")
				}
			case 4:
				if depth < 3 {
					return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "token", "+442079460000", ""}), value(depth+1), 0, 3).Draw(t, "object")
				}
			case 5, 6:
				return fmt.Sprint(rapid.IntRange(0, 60).Draw(t, "text"))
			}
			return text.Draw(t, "text")
		})
	}
	one := rapid.Custom(func(t *rapid.T) string {
		e := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "from", "machine", "timestamp"}), value(0), 0, 5).Draw(t, "fields")
		e["class"] = rapid.SampledFrom([]string{"call", "message"}).Draw(t, "class")
		e["event"] = rapid.SampledFrom([]string{"start", "end", ""}).Draw(t, "event")
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	})
	return rapid.SliceOfN(one, 1, 60).Draw(t, "events")
}

// TestOrderDoesNotMatter: the same is learned in any order, by any number of learners whose
// parts are added in any order, and through any number of files.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		lines := randomEvents(r)
		o := &Options{Examples: rapid.SampledFrom([]Examples{SafeExamples, NoExamples, AllExamples}).Draw(r, "examples")}
		want := text(t, learn(t, o, lines...))
		shuffle := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		shuffle.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })

		// Learners that take turns, one Schema.
		s := &Schema{}
		learners := []*Learner{NewLearner(o), NewLearner(o), NewLearner(o)}
		parts := make([]Part, 3)
		var x event.Index
		for _, line := range lines {
			if err := x.Scan([]byte(line)); err != nil {
				r.Fatal(err)
			}
			i := shuffle.IntN(3)
			learners[i].Add(&x)
			if shuffle.IntN(4) == 0 {
				learners[i].Take(&parts[i])
				s.Add(&parts[i], func(News) {})
			}
		}
		for i, l := range learners {
			l.Take(&parts[i])
			s.Add(&parts[i], nil)
		}
		if got := text(t, s); got != want {
			r.Fatalf("three learners: %s\nwant %s", got, want)
		}

		// Pieces, each through a file.
		s = &Schema{}
		for len(lines) > 0 {
			n := 1 + shuffle.IntN(len(lines))
			again, err := Decode(strings.NewReader(text(t, learn(t, o, lines[:n]...))))
			if err != nil {
				r.Fatal(err)
			}
			s.Merge(again)
			lines = lines[n:]
		}
		if got := text(t, s); got != want {
			r.Fatalf("merged: %s\nwant %s", got, want)
		}
		if d := Diff(s, s); len(d) > 0 {
			r.Fatalf("differs from itself: %v", d)
		}
	})
}

// TestLimits: what is beyond the limits is left out and counted, and takes no memory.
func TestLimits(t *testing.T) {
	l, s, p := NewLearner(nil), &Schema{}, Part{}
	var x event.Index
	add := func(format string, args ...any) {
		if err := x.Scan(fmt.Appendf(nil, format, args...)); err != nil {
			t.Fatal(err)
		}
		l.Add(&x)
		if l.nodes%100 == 0 {
			l.Take(&p)
			s.Add(&p, nil)
		}
	}
	for i := range 3000 {
		add(`{"class":"c%d","event":"e"}`, i)
	}
	for i := range 30000 {
		add(`{"class":"c1","event":"e","f%x":"v%[1]d"}`, i)
	}
	long := strings.Repeat("n", 64<<10)
	add(`{"class":"%s","event":"e"}`, long)
	add(`{"class":"c1","event":"%s"}`, long)
	add(`{"class":"c1","event":"e","%s":1}`, long)
	add(`{"class":"c1","event":"e","f1":%s1%s}`, strings.Repeat(`{"f":[`, 40), strings.Repeat(`]}`, 40))
	l.Take(&p)
	s.Add(&p, nil)
	left := s.Left()
	if len(s.kinds) != maxKinds || s.fields != maxFields || left.Events != 1000 || left.Fields < 30000-maxFields || left.Long != 3 || left.Deep == 0 && left.Fields < 30000-maxFields+4+1 {
		t.Errorf("%d kinds, %d fields, left out %+v", len(s.kinds), s.fields, left)
	}
	if len(l.plans) > maxPlans || l.nodes > maxFields || len(l.kinds) > maxKinds {
		t.Errorf("the learner has %d plans, %d nodes, %d kinds", len(l.plans), l.nodes, len(l.kinds))
	}
	again, err := Decode(strings.NewReader(text(t, s)))
	if err != nil || text(t, again) != text(t, s) {
		t.Errorf("the file is not read as it was written: %v", err)
	}
	again.Merge(learn(t, nil, `{"class":"more","event":"e"}`, `{"class":"c1","event":"e","more":[1]}`))
	if got := again.Left(); got.Events != left.Events+1 || got.Fields <= left.Fields {
		t.Errorf("merging left out %+v, had %+v", got, left)
	}
}

// TestDeep: what is nested too deep is counted, and what is above is learned.
func TestDeep(t *testing.T) {
	s := learn(t, nil, `{"class":"c","event":"e","f":`+strings.Repeat(`{"f":`, 5000)+`1`+strings.Repeat(`}`, 5000)+`}`)
	if s.Left().Deep != 1 || s.fields < maxDepth {
		t.Errorf("%d fields, left out %+v", s.fields, s.Left())
	}
}

// TestUpdate: two that learn at once lose nothing, and the file is for this user only.
func TestUpdate(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "schema.json")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if _, err := Update(name, func(s *Schema) { s.Merge(learn(t, nil, fmt.Sprintf(`{"class":"call","event":"e%d"}`, i%10))) }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s, err := Read(name)
	if err != nil || s.Events() != 20 || len(s.kinds) != 10 {
		t.Fatalf("%v, %v", s, err)
	}
	if st, err := os.Stat(name); err != nil || os.PathSeparator == '/' && st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if files, err := os.ReadDir(dir); err != nil || os.PathSeparator == '/' && len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

// TestFileFaults: a file that is no schema is left as it is, and the error says what it is.
func TestFileFaults(t *testing.T) {
	dir := t.TempDir()
	good := text(t, learn(t, nil, `{"class":"call","event":"start","a":1}`))
	for what, c := range map[string]struct{ text, want string }{
		"empty":         {"", "damaged: it is empty"},
		"events":        {`{"class":"call"}` + "\n", "not a schema: it is JSON of something else"},
		"text":          {"hello", "not a schema: it is no JSON object of a schema"},
		"newer":         {strings.Replace(good, `"version": 1`, `"version": 3`, 1), "written by a newer version of the program: it has version 3, and this one reads up to 1"},
		"no version":    {strings.Replace(good, `"version": 1`, `"version": 0`, 1), "damaged: it has no version"},
		"cut":           {good[:len(good)/2], "damaged: it is cut off at byte "},
		"broken":        {strings.Replace(good, `"count"`, `"count`, 1), "damaged: "},
		"negative":      {strings.ReplaceAll(good, `"count": 1`, `"count": -1`), "damaged: an event has no count"},
		"does not sum":  {strings.Replace(good, `"number": 1`, `"number": 2`, 1), "damaged: the counts of a field do not add up"},
		"no type":       {strings.Replace(good, `"number": 1`, `"nummer": 1`, 1), "damaged: \"nummer\" is no type"},
		"type of field": {strings.Replace(good, `"count": 1`, `"count": "x"`, 1), "damaged: kinds.count at byte "},
	} {
		name := filepath.Join(dir, what)
		if err := os.WriteFile(name, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Update(name, func(*Schema) {})
		if err == nil || !strings.HasPrefix(err.Error(), name+": "+c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s", what, err, c.want)
		}
		if now, err := os.ReadFile(name); err != nil || string(now) != c.text {
			t.Errorf("%s: the file was changed", what)
		}
		if Check(name) == nil {
			t.Errorf("%s: Check says nothing", what)
		}
	}
	if _, err := Read(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Read(dir); !errors.Is(err, syscall.EISDIR) {
		t.Error(err)
	}
	if err := Check(dir); !errors.Is(err, syscall.EISDIR) {
		t.Error(err)
	}
	if err := Check(filepath.Join(dir, "fresh.json")); err != nil {
		t.Error(err)
	}
	missing := filepath.Join(dir, "missing")
	if err := Check(filepath.Join(missing, "schema.json")); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), missing+": ") {
		t.Errorf("got %v, want an error about %s", err, missing)
	}
}

func FuzzDecode(f *testing.F) {
	for _, lines := range [][]string{hostile()[:3], {`{"class":"call","event":"start","a":[1]}`}} {
		f.Add([]byte(text(f, learn(f, nil, lines...))))
	}
	f.Add([]byte(`{"format":"enswitch-events schema","version":1,"kinds":[null,{"class":"a","count":1,"fields":{"x":null}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		once := text(t, s)
		again, err := Decode(strings.NewReader(once))
		if err != nil || text(t, again) != once {
			t.Fatalf("what was read is not written the same: %v", err)
		}
		s.Merge(again)
		s.JSONSchema()
		if _, err := s.Go("events"); err != nil {
			t.Error(err)
		}
		s.TypeScript()
		s.Markdown()
		s.Suggest()
		Diff(s, again)
	})
}

func FuzzLearn(f *testing.F) {
	for _, line := range hostile() {
		f.Add([]byte(line + "\n" + line))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var lines []string
		var x event.Index
		for line := range bytes.SplitSeq(b, []byte("\n")) {
			if x.Scan(line) == nil {
				lines = append(lines, string(x.JSON()))
			}
		}
		one := text(t, learn(t, &Options{Calls: NewCalls()}, lines...))
		s, err := Decode(strings.NewReader(one))
		if err != nil || text(t, s) != one {
			t.Fatalf("what was written is not read the same: %v\n%s", err, one)
		}
		half := learn(t, nil, lines[:len(lines)/2]...)
		half.Merge(learn(t, nil, lines[len(lines)/2:]...))
		if want := text(t, learn(t, nil, lines...)); text(t, half) != want {
			t.Fatalf("halves: %s\nwant %s", text(t, half), want)
		}
		if _, err := s.Go("events"); err != nil {
			t.Error(err)
		}
	})
}
