package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// fataler is a test of testing or of rapid.
type fataler interface {
	Fatalf(format string, args ...any)
	Helper()
}

// followed collects what a Follower reads.
type followed struct {
	t       fataler
	lines   chan string
	changes chan Change
	faults  chan error
	waits   chan struct{} // holds a value when it has waited
	stop    context.CancelFunc
	done    chan error
}

func follow(t fataler, name string, o FollowOptions) *followed {
	ctx, stop := context.WithCancel(context.Background())
	f := &followed{
		t: t, stop: stop, lines: make(chan string, 1000), changes: make(chan Change, 1000), faults: make(chan error, 1000),
		waits: make(chan struct{}, 1), done: make(chan error, 1),
	}
	o.OnChange = func(c Change) { f.changes <- c }
	o.OnFault = func(err error) { f.faults <- err }
	o.OnReject = func(line []byte, _ int64, _ error) { f.lines <- "rejected " + string(line) }
	o.OnWait = func() { signal(f.waits) }
	go func() {
		r := Follow(ctx, name, &o)
		var buf []byte
		for {
			lines, _, err := r.Next(buf)
			if err != nil {
				_ = r.Close()
				f.done <- err
				return
			}
			buf = lines
			for _, line := range Lines(lines) {
				f.lines <- string(line)
			}
		}
	}()
	return f
}

// take waits for what c gets.
func take[T any](t fataler, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Minute):
		t.Fatalf("nothing came")
	}
	return v
}

func (f *followed) gets(want ...string) {
	f.t.Helper()
	for _, line := range want {
		if got := take(f.t, f.lines); got != line {
			f.t.Fatalf("got %s, want %s", got, line)
		}
	}
}

// end ends the following and returns what came after all that was taken.
func (f *followed) end() (rest []string) {
	f.t.Helper()
	f.stop()
	if err := take(f.t, f.done); !errors.Is(err, io.EOF) {
		f.t.Fatalf("ended with %v", err)
	}
	close(f.lines)
	for line := range f.lines {
		rest = append(rest, line)
	}
	return rest
}

func grow(t fataler, name, text string) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil {
		_, err = file.WriteString(text)
		file.Close()
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// TestFollow does at random what happens to files, and wants every line once.
func TestFollow(t *testing.T) {
	dirs := t.TempDir()
	cases := 0
	rapid.Check(t, func(t *rapid.T) {
		cases++
		dir := filepath.Join(dirs, fmt.Sprint(cases))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatalf("%v", err)
		}
		extension := rapid.SampledFrom([]string{".ndjson", ".gz", ".ndjson.zst"}).Draw(t, "extension")
		encode, err := newEncoder(extension)
		if err != nil {
			t.Fatalf("%v", err)
		}
		name := filepath.Join(dir, "f"+extension)
		n := 0
		lines := func(file string) (want []string) {
			var text bytes.Buffer
			for range rapid.IntRange(1, 5).Draw(t, "lines") {
				n++
				want = append(want, fmt.Sprintf(`{"n":%d}`, n))
				text.WriteString(want[len(want)-1] + "\n")
			}
			stored, err := encode.append(nil, text.Bytes())
			if err != nil {
				t.Fatalf("%v", err)
			}
			cut := rapid.IntRange(0, len(stored)).Draw(t, "cut")
			grow(t, file, string(stored[:cut]))
			grow(t, file, string(stored[cut:]))
			return want
		}
		f := follow(t, name, FollowOptions{})
		defer f.stop()
		if c := take(t, f.changes); c != Missing {
			t.Fatalf("change %d", c)
		}
		f.gets(lines(name)...)
		for i := range rapid.IntRange(1, 6).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"append", "rename", "late", "cut", "remove"}).Draw(t, "step") {
			case "append":
				f.gets(lines(name)...)
			case "rename":
				want := lines(name)
				old := fmt.Sprint(name, ".", i)
				if err := os.Rename(name, old); err != nil {
					t.Fatalf("%v", err)
				}
				f.gets(slices.Concat(want, lines(name))...)
			case "late":
				want := lines(name)
				f.gets(want...)
				old := fmt.Sprint(name, ".", i)
				if err := os.Rename(name, old); err != nil {
					t.Fatalf("%v", err)
				}
				f.gets(slices.Concat(lines(old), lines(name))...)
			case "cut":
				f.gets(lines(name)...)
				if err := os.Truncate(name, 0); err != nil {
					t.Fatalf("%v", err)
				}
				for change := take(t, f.changes); change != Rewritten; {
					change = take(t, f.changes)
				}
				f.gets(lines(name)...)
			case "remove":
				f.gets(lines(name)...)
				if err := os.Remove(name); err != nil {
					t.Fatalf("%v", err)
				}
				f.gets(lines(name)...)
			}
		}
		want := lines(name)
		if got := f.end(); !slices.Equal(got, want) {
			t.Fatalf("at the end %q, want %q", got, want)
		}
	})
}

// TestFollowAside finds all files that a recording has set aside between two looks,
// in their order.
func TestFollowAside(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r.ndjson")
	p, err := parseName(name)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_600_000_000, 0)
	grow(t, name, "older\n")
	if err := p.setAside(name, now); err != nil {
		t.Fatal(err)
	}
	grow(t, name, "0\n")
	f := follow(t, name, FollowOptions{})
	defer f.stop()
	f.gets("0")
	var want []string
	for i := range 30 {
		if err := p.setAside(name, now.Add(time.Duration(i/20)*time.Second)); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(i+1))
		grow(t, name, want[i]+"\n")
	}
	f.gets(want...)
	// Two are set aside, and the new one has nothing yet.
	want = []string{"31", "32"}
	grow(t, name, "31\n")
	for _, text := range []string{"32\n", ""} {
		if err := p.setAside(name, now.Add(2*time.Second)); err != nil {
			t.Fatal(err)
		}
		grow(t, name, text)
	}
	f.gets(want...)
	if rest := f.end(); len(rest) > 0 {
		t.Errorf("and then %q", rest)
	}
}

// TestAsideOrder: the numbers of files set aside in the same second rise, though
// earlier ones are removed.
func TestAsideOrder(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "r.ndjson")
	p, err := parseName(name)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_600_000_000, 0)
	a := asides{known: true}
	for range 12 {
		grow(t, name, "x")
		if err := p.setAside(name, now); err != nil {
			t.Fatal(err)
		}
		grow(t, name, "y")
		all := a.list(name)
		if len(all) != 1 {
			t.Fatalf("%d files after %v", len(all), a.after)
		}
		a.after = all[0].key
		if err := os.Remove(all[0].name); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFollowRewritten: a file of the same size, but with other text, is read again.
func TestFollowRewritten(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	grow(t, name, "1\n2\n")
	f := follow(t, name, FollowOptions{})
	defer f.stop()
	f.gets("1", "2")
	if err := os.WriteFile(name, []byte("3\n4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.gets("3", "4")
	if c := take(t, f.changes); c != Rewritten {
		t.Errorf("change %d", c)
	}
	f.end()
}

// TestFollowUnfinished: a line without an end is no event before it has one.
func TestFollowUnfinished(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	grow(t, name, "1\n{\"n\":")
	f := follow(t, name, FollowOptions{})
	defer f.stop()
	f.gets("1")
	grow(t, name, "2}\n{\"n\":")
	f.gets(`{"n":2}`)
	if rest := f.end(); len(rest) > 0 {
		t.Errorf("at the end %q", rest)
	}
	if c := take(t, f.changes); c != Unfinished {
		t.Errorf("change %d", c)
	}
}

// TestFollowStops: a Follower whose file is not there ends with its context, and one
// that cannot be opened at once.
func TestFollowStops(t *testing.T) {
	dir := t.TempDir()
	f := follow(t, filepath.Join(dir, "absent"), FollowOptions{})
	if c := take(t, f.changes); c != Missing {
		t.Errorf("change %d", c)
	}
	f.end()
	f = follow(t, dir, FollowOptions{})
	if err := take(t, f.done); !errors.Is(err, errDirectory) {
		t.Errorf("a directory: %v", err)
	}
	f.stop()
}

// TestFollowFrom leaves out the part of a large sorted file that is before a time.
func TestFollowFrom(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	const second = 1_000_000
	var text bytes.Buffer
	last := 0
	for i := 0; text.Len() < seekFrom+(1<<20); i++ {
		fmt.Fprintf(&text, `{"timestamp":"%d.000000","pad":%q}`+"\n", 1_600_000_000+i, bytes.Repeat([]byte("x"), 1000))
		last = i
	}
	grow(t, name, text.String())
	skipped := make(chan int64, 1)
	f := follow(t, name, FollowOptions{From: int64(1_600_000_000+last) * second, OnSkip: func(n int64) { skipped <- n }})
	defer f.stop()
	if n := take(t, skipped); n < seekFrom/2 {
		t.Errorf("%d bytes left out", n)
	}
	grow(t, name, "end\n")
	for line := take(t, f.lines); line != "end"; {
		line = take(t, f.lines)
	}
	f.end()
}
