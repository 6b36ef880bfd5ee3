package capture

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines reads a capture that must be without a fault.
func readAll(t *testing.T, name string) (lines []string) {
	t.Helper()
	r, err := Open(name, &Options{
		OnDamage: func(d Damage) { t.Error(d) },
		OnReject: func(line []byte, _ int64, err error) { t.Errorf("%v: %s", err, line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for ev, err := range r.Events() {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(ev.Raw))
	}
	return lines
}

func create(t *testing.T, name string, o *WriterOptions) *Writer {
	t.Helper()
	w, err := Create(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func put(t *testing.T, w *Writer, events ...string) {
	t.Helper()
	for _, e := range events {
		if err := w.Write([]byte(e)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriter(t *testing.T) {
	for _, suffix := range []string{".ndjson", ".ndjson.gz", ".zst"} {
		name := filepath.Join(t.TempDir(), "events"+suffix)
		w := create(t, name, nil)
		put(t, w, `{"n":1}`, "", "{\"n\":\n2}\n", "{\"s\":\"a\nb\\\"\nc\"}")
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(nil); !errors.Is(err, os.ErrClosed) {
			t.Errorf("written after the end: %v", err)
		}
		w = create(t, name, nil) // goes on
		put(t, w, `{"n":3}`)
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{`{"n":1}`, `{"n": 2}`, `{"s":"a\nb\"\nc"}`, `{"n":3}`}
		if got := readAll(t, name); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", suffix, got, want)
		}
		if st, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", st.Mode(), err)
		}
	}
}

// TestFlush proves that an event is in the file half a second after it came.
func TestFlush(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events.zst")
	synctest.Test(t, func(t *testing.T) {
		w := create(t, name, nil)
		for n := range 3 {
			put(t, w, fmt.Sprintf(`{"n":%d}`, n))
			time.Sleep(defaultFlush + time.Millisecond)
			synctest.Wait()
			if got := readAll(t, name); len(got) != n+1 {
				t.Fatalf("%d events are there, want %d", len(got), n+1)
			}
		}
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRotation(t *testing.T) {
	names := func(dir string) (all []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return all
	}
	for _, row := range []struct {
		what, name string
		o          WriterOptions
		steps      int
		step       time.Duration
		want       []string
	}{
		{"size", "e.ndjson", WriterOptions{MaxSize: 16}, 5, time.Second, []string{"e.20000101-000002.ndjson", "e.20000101-000004.ndjson", "e.ndjson"}},
		{"size, within a second", "e.ndjson", WriterOptions{MaxSize: 1, Flush: time.Millisecond}, 3, 10 * time.Millisecond, []string{"e.20000101-000000-1.ndjson", "e.20000101-000000.ndjson", "e.ndjson"}},
		{"age", "e", WriterOptions{MaxAge: 2 * time.Minute}, 5, time.Minute, []string{"e", "e.20000101-000200", "e.20000101-000400"}},
		{"keep", "e.ndjson", WriterOptions{MaxSize: 1, Keep: 1}, 5, time.Second, []string{"e.20000101-000004.ndjson", "e.ndjson", "mine.ndjson"}},
		{"names", "e-%Y%m%d-%H.gz", WriterOptions{Keep: 1}, 3, time.Hour, []string{"e-20000101-01.gz", "e-20000101-02.gz", "mine.ndjson"}},
		{"percent", "100%%.ndjson", WriterOptions{}, 2, time.Hour, []string{"100%.ndjson"}},
	} {
		dir := t.TempDir()
		if row.o.Keep > 0 {
			if err := os.WriteFile(filepath.Join(dir, "mine.ndjson"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Test(t, func(t *testing.T) {
			defer func(l *time.Location) { time.Local = l }(time.Local)
			time.Local = time.UTC
			w := create(t, filepath.Join(dir, row.name), &row.o)
			for n := range row.steps {
				put(t, w, fmt.Sprintf(`{"n":%d}`, n))
				if row.o.Keep > 0 { // files are told apart by their times of change, which are real
					synctest.Wait()
				}
				time.Sleep(row.step)
				synctest.Wait()
			}
			if err := w.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
		if got := names(dir); !slices.Equal(got, row.want) {
			t.Errorf("%s: got %q, want %q", row.what, got, row.want)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plain.gz"), []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "packed.ndjson"), gzipped(t, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", dir, "none/events", "e-%q", "e-%", "%Y/events", "plain.gz", "packed.ndjson"} {
		if name != "" && name != dir {
			name = filepath.Join(dir, name)
		}
		if w, err := Create(name, nil); err == nil {
			w.Close(t.Context())
			t.Errorf("%q was created", name)
		}
	}
}

// TestTorn proves that what is appended to a file whose last line was cut off is
// not lost in it.
func TestTorn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events")
	if err := os.WriteFile(name, []byte("{\"n\":1}\n{\"n\":"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := create(t, name, nil)
	put(t, w, `{"n":3}`)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if want := "{\"n\":1}\n{\"n\":\n{\"n\":3}\n"; string(text) != want || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestDiskFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no /dev/full")
	}
	told := make(chan error, 1)
	w := create(t, "/dev/full", &WriterOptions{Flush: time.Millisecond, OnError: func(err error) { told <- err }})
	put(t, w, "{}")
	if err := <-told; !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("told %v", err)
	}
	if err := w.Close(t.Context()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("closed: %v", err)
	}
	if err := w.Write([]byte("{}")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("written: %v", err)
	}
}

// TestSizeLimit fills a file up to a limit of the system: what was written
// stays, and no half event behind it.
func TestSizeLimit(t *testing.T) {
	if name := os.Getenv("CAPTURE_TEST_FILE"); name != "" {
		told := make(chan error, 1)
		// A batch of more than the limit would leave nothing.
		w := create(t, name, &WriterOptions{Buffer: 2 * batch, OnError: func(err error) { told <- err }})
		for err := error(nil); err == nil || errors.Is(err, ErrOverflow); {
			err = w.Write(fmt.Appendf(nil, `{"class":"call","event":"start","x":"%x"}`, rand.Uint64()))
		}
		<-told
		return
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	for _, suffix := range []string{".ndjson", ".gz", ".zst"} {
		name := filepath.Join(t.TempDir(), "events"+suffix)
		cmd := exec.CommandContext(t.Context(), sh, "-c", `trap '' XFSZ; ulimit -f 601; exec "$0" -test.run '^TestSizeLimit$'`, os.Args[0])
		cmd.Env = append(os.Environ(), "CAPTURE_TEST_FILE="+name)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := readAll(t, name); len(got) < 1000 {
			t.Errorf("%s: %d events are left", suffix, len(got))
		}
	}
}

// TestKill kills a recorder with SIGKILL: what was there half a second before is
// in the file, and the file is whole.
func TestKill(t *testing.T) {
	if name := os.Getenv("CAPTURE_TEST_KILL"); name != "" {
		w := create(t, name, &WriterOptions{Flush: time.Millisecond})
		for n := 0; ; n++ {
			put(t, w, fmt.Sprintf(`{"class":"call","n":%d,"x":"%d"}`, n, n*n))
			if n%1000 == 0 {
				time.Sleep(time.Millisecond) // so that there are many batches
			}
			if st, err := os.Stat(name); n%1000 == 0 && err == nil && st.Size() > 100_000 {
				p, _ := os.FindProcess(os.Getpid())
				_ = p.Kill()
				select {}
			}
		}
	}
	if runtime.GOOS == "windows" {
		t.Skip("no SIGKILL")
	}
	for _, suffix := range []string{".ndjson", ".gz", ".zst"} {
		name := filepath.Join(t.TempDir(), "events"+suffix)
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestKill$")
		cmd.Env = append(os.Environ(), "CAPTURE_TEST_KILL="+name)
		if err := cmd.Run(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the recorder ended by %v", err)
		}
		got := readAll(t, name)
		if len(got) < 1000 || !strings.Contains(got[len(got)-1], fmt.Sprintf(`"n":%d,`, len(got)-1)) {
			t.Errorf("%s: %d events, the last is %s", suffix, len(got), got[len(got)-1])
		}
	}
}

func TestWriteAtTheSameTime(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events.gz")
	w := create(t, name, &WriterOptions{Flush: time.Millisecond})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5000 {
				put(t, w, `{"class":"call","event":"start"}`)
			}
		})
	}
	wg.Wait()
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, name); len(got) != 20_000 {
		t.Errorf("%d events", len(got))
	}
}

func BenchmarkWrite(b *testing.B) {
	raw := []byte(strings.Repeat("x", 256))
	for _, suffix := range []string{".ndjson", ".gz", ".zst"} {
		b.Run(suffix, func(b *testing.B) {
			w, err := Create(filepath.Join(b.TempDir(), "events"+suffix), nil)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if err := w.Write(raw); err != nil && !errors.Is(err, ErrOverflow) {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if err := w.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	all, _ := text(100_000)
	for _, row := range []struct {
		name   string
		stored []byte
	}{{"plain", all}, {"gzip", gzipped(b, all)}, {"zstd", zstded(b, all)}} {
		b.Run(row.name, func(b *testing.B) {
			f := file(b, row.stored)
			b.ReportAllocs()
			b.SetBytes(int64(len(all)))
			var buf []byte
			for b.Loop() {
				if _, err := f.Seek(0, 0); err != nil {
					b.Fatal(err)
				}
				r := NewReader(f, nil)
				for {
					lines, _, err := r.Next(buf)
					if err != nil {
						break
					}
					buf = lines
				}
			}
		})
	}
}

// TestRotationOfABurst proves that a batch is divided among files that are no larger than
// MaxSize, with every event in one of them and in order.
func TestRotationOfABurst(t *testing.T) {
	const events, maxSize = 1000, 2000
	for _, name := range []string{"e.ndjson", "e.ndjson.gz", "e.ndjson.zst"} {
		dir := t.TempDir()
		w := create(t, filepath.Join(dir, name), &WriterOptions{MaxSize: maxSize, Flush: time.Hour})
		var want []string
		for n := range events {
			want = append(want, fmt.Sprintf(`{"n":%d,"x":"%x"}`, n, rand.Uint64()))
		}
		put(t, w, want...)
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		var a asides
		a.known = true
		files := a.list(filepath.Join(dir, name))
		var got []string
		for _, f := range files {
			if f.info.Size() > maxSize || f.info.Size() < maxSize/2 {
				t.Errorf("%s has %d bytes", f.name, f.info.Size())
			}
			got = append(got, readAll(t, f.name)...)
		}
		if got = append(got, readAll(t, filepath.Join(dir, name))...); !slices.Equal(got, want) {
			t.Errorf("%s: %d files hold %d events, or in another order", name, len(files), len(got))
		}
	}
}

// TestOnPanic: the goroutine of a Writer says so before its panic ends the process, which here
// runtime.Goexit keeps from happening.
func TestOnPanic(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /dev/full")
	}
	said := make(chan struct{})
	w := create(t, "/dev/full", &WriterOptions{
		Flush:   time.Millisecond,
		OnError: func(error) { panic("a panic") },
		OnPanic: func() { close(said); runtime.Goexit() },
	})
	_ = w.Write([]byte(`{"class":"call"}`))
	<-said
	_ = w.Close(t.Context())
}
