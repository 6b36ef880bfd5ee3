package capture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// timed writes a capture of n events, a tenth of a second apart and up to jitter
// microseconds late, and returns its name and their times.
func timed(t *testing.T, n int, jitter int64) (name string, times []int64) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for i := range n {
		usec := 1_700_000_000_000_000 + int64(i)*100_000
		if jitter > 0 {
			usec += random.Int64N(jitter)
		}
		times = append(times, usec)
		fmt.Fprintf(&b, `{"class":"call","event":"start","timestamp":"%d.%06d","n":%d,"x":"%0150d"}`+"\n", usec/1e6, usec%1e6, i, i)
	}
	name = filepath.Join(t.TempDir(), "capture")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name, times
}

// TestSeekTime proves that no event within the bounds is left out of a file that
// is sorted as far as SeekTime demands, and that most of the others are.
func TestSeekTime(t *testing.T) {
	name, times := timed(t, 100_000, slack)
	first, last := times[0], times[len(times)-1]
	const hour = 3_600_000_000
	for _, bounds := range [][2]int64{
		{first - hour, last + hour},
		{last + hour, last + 2*hour},
		{first - 2*hour, first - hour},
		{0, first + hour},
		{last - hour, 0},
		{first + hour/2, first + hour/2 + 1_000_000},
		{first + hour, first + hour + 60_000_000},
		{last - 1, last},
		{0, 1},
		{0, first + 1},
		{1 << 60, 0},
	} {
		from, to := bounds[0], bounds[1]
		within := func(usec int64) bool { return usec >= from && (to == 0 || usec < to) }
		r, err := Open(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		left, err := r.SeekTime(from, to)
		if err != nil {
			t.Fatal(err)
		}
		want, got, read := 0, 0, 0
		for _, usec := range times {
			if within(usec) {
				want++
			}
		}
		var x event.Index
		for ev, err := range r.Events() {
			if err != nil || x.Scan(ev.Raw) != nil {
				t.Fatalf("%v: %s", err, ev.Raw)
			}
			read++
			if usec, ok := x.Get("timestamp").Timestamp(); ok && within(usec) {
				got++
			}
		}
		if got != want {
			t.Errorf("%v: %d events within, want %d", bounds, got, want)
		}
		// Two minutes and some windows beside what is asked for.
		if read > want+10_000 {
			t.Errorf("%v: %d events read for %d, %d bytes left out", bounds, read, want, left)
		}
		r.Close()
	}
}

func TestSeekTimeLeavesAlone(t *testing.T) {
	sorted, times := timed(t, 100_000, 0)
	text, err := os.ReadFile(sorted)
	if err != nil {
		t.Fatal(err)
	}
	half := len(text) / 2
	half += bytes.IndexByte(text[half:], '\n') + 1
	for what, content := range map[string][]byte{
		"not sorted":    append(bytes.Clone(text[half:]), text[:half]...),
		"small":         text[:1<<20],
		"compressed":    append(gzipped(t, text), text...),
		"without times": bytes.ReplaceAll(text, []byte("timestamp"), []byte("timestomp")),
	} {
		r := NewReader(file(t, content), nil)
		if left, err := r.SeekTime(times[50_000], times[60_000]); left != 0 || err != nil {
			t.Errorf("%s: %d bytes left out, %v", what, left, err)
		}
		r.Close()
	}
	r := NewReader(bytes.NewReader(text), nil)
	if left, err := r.SeekTime(times[50_000], 0); left != 0 || err != nil {
		t.Errorf("a pipe: %d bytes left out, %v", left, err)
	}
}
