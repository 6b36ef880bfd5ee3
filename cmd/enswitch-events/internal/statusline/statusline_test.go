package statusline

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLineNeverMixes plays what is written back on a terminal of one row: what
// scrolls by must be what was written, and nothing of the line in it.
func TestLineNeverMixes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tty bytes.Buffer
		l := New(&tty, func() int { return 30 })
		out := l.Wrap(&tty)
		l.Start(func(int) string { return "status that is longer than thirty columns" })
		var want strings.Builder
		for range 20 {
			time.Sleep(70 * time.Millisecond)
			_, _ = out.Write([]byte("an event\n"))
			want.WriteString("an event\n")
		}
		time.Sleep(time.Second)
		l.Stop()
		var rows strings.Builder
		row := ""
		for part := range strings.SplitSeq(tty.String(), erase) {
			// erase empties the row; a line break keeps it.
			lines := strings.Split(part, "\n")
			for _, line := range lines[:len(lines)-1] {
				rows.WriteString(row + line + "\n")
				row = ""
			}
			row = ""
			if last := lines[len(lines)-1]; last != "" && !strings.HasPrefix(last, dim) {
				t.Errorf("%q is neither line nor event", last)
			}
		}
		if rows.String() != want.String() {
			t.Errorf("scrolled by:\n%q\nwant\n%q", rows.String(), want.String())
		}
		if !strings.HasSuffix(tty.String(), erase) {
			t.Errorf("the line was not taken away: %q", tty.String())
		}
	})
}

// terminal keeps what is written until it is taken.
type terminal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *terminal) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.b.Reset()
	return t.b.String()
}

// TestLineIsAlwaysThere holds that the line follows everything that is written, however
// fast that comes, and that its text is not made anew for each.
func TestLineIsAlwaysThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tty terminal
		made := 0
		l := New(&tty, func() int { return 30 })
		out := l.Wrap(&tty)
		l.Start(func(int) string { made++; return "status" })
		for range 1000 {
			time.Sleep(time.Millisecond)
			_, _ = out.Write([]byte("an event\n"))
			synctest.Wait() // the line may be due at the same time, and is drawn once more then
			const row = erase + dim + " status" + reset + "\r"
			written := tty.take()
			_, after, _ := strings.Cut(written, "an event\n")
			if after == "" || strings.ReplaceAll(after, row, "") != "" {
				t.Fatalf("after an event there is no line: %q", written)
			}
		}
		l.Stop()
		if made > 15 {
			t.Errorf("its text was made %d times in a second", made)
		}
	})
}

func TestLineFits(t *testing.T) {
	for _, width := range []int{0, 10, 20, 80} {
		synctest.Test(t, func(t *testing.T) { // time stands still: one drawing
			var tty bytes.Buffer
			l := New(&tty, func() int { return width })
			l.Start(func(int) string { return strings.Repeat("é", 200) })
			l.mu.Lock()
			l.draw()
			l.mu.Unlock()
			l.Stop()
			if n := strings.Count(tty.String(), "é"); n >= max(width, 1) {
				t.Errorf("width %d: %d columns", width, n)
			}
		})
	}
}

// TestLineLeavesNothingOnAResize holds that the cursor is before the line, as a terminal
// that becomes narrower wraps the row behind it, and that all of it is erased from there.
func TestLineLeavesNothingOnAResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tty bytes.Buffer
		l := New(&tty, func() int { return 80 })
		l.Start(func(width int) string { return strings.Repeat("x", width) })
		time.Sleep(time.Second)
		l.Stop()
		drawings := strings.Split(tty.String(), "\r\x1b[K\x1b[C\x1b[J\r")
		if len(drawings) < 3 {
			t.Fatalf("%q", tty.String())
		}
		for _, d := range drawings {
			if d != "" && d != dim+" "+strings.Repeat("x", 78)+reset+"\r" {
				t.Errorf("the cursor is not at the start of a row of 79 columns: %q", d)
			}
		}
		if last := drawings[len(drawings)-1]; last != "" {
			t.Errorf("not erased at the end: %q", last)
		}
	})
}
