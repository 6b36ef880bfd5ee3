package engine

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFollowEnds: following ends at each of its ends with everything written and
// counted, and leaves no goroutine behind, as TestMain checks.
func TestFollowEnds(t *testing.T) {
	const three = `{"n":1}` + "\n" + `{"n":2}` + "\n" + `{"n":3}` + "\n"
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(three+`{"n":`), 0o600); err != nil {
		t.Fatal(err)
	}
	absent := filepath.Join(t.TempDir(), "absent")
	for _, row := range []struct {
		what  string
		names []string
		set   func(*Config)
		stop  bool // with the first write
		end   End
		out   string
	}{
		{"count", []string{name, absent}, func(c *Config) { c.Count = 2 }, false, EndCount, three[:16]},
		{"for", []string{absent, name}, func(c *Config) { c.For = 50 * time.Millisecond }, false, EndFor, ""},
		{"idle", []string{absent}, func(c *Config) { c.Idle = time.Millisecond }, false, EndIdle, ""},
		{"idle after events", []string{name}, func(c *Config) { c.Idle = time.Second }, false, EndIdle, three},
		{"signal", []string{name, "-", absent}, func(*Config) {}, true, EndSignal, three},
		{"end of standard input", []string{"-"}, func(*Config) {}, false, EndOfInput, ""},
	} {
		t.Run(row.what, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var out strings.Builder
			cfg := verbatim(t, writes(func(p []byte) (int, error) {
				if row.stop {
					cancel()
				}
				return out.Write(p)
			}))
			row.set(cfg)
			c := NewCaptures(&CaptureOptions{Names: row.names, Stdin: strings.NewReader(""), MaxLine: 1 << 20, Follow: true})
			end, _, err := c.Run(ctx, cfg)
			if end != row.end || err != nil {
				t.Errorf("end %v, %v, want %v", end, err, row.end)
			}
			if row.end != EndFor && out.String() != row.out { // it may end before anything was read
				t.Errorf("written: %q, want %q", out.String(), row.out)
			}
			if l := c.Ledger(); l.Received != l.Kept+l.Filtered+l.Rejected+l.Waiting || l.Kept != int64(strings.Count(out.String(), "\n")) {
				t.Errorf("%+v", l)
			}
		})
	}
}

// TestFollowStuck: a write that blocks does not hold up the reading's end.
func TestFollowStuck(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(strings.Repeat(`{"n":1}`+"\n", 100_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	cfg := verbatim(t, writes(func(p []byte) (int, error) {
		cancel()
		return w.Write(p)
	}))
	c := NewCaptures(&CaptureOptions{Names: []string{name}, MaxLine: 1 << 20, Follow: true})
	if end, _, err := c.Run(ctx, cfg); end != EndStuck || err == nil {
		t.Errorf("end %v, %v", end, err)
	}
	r.Close() // the write ends
}

// writes is a function as a writer.
type writes func([]byte) (int, error)

func (w writes) Write(p []byte) (int, error) { return w(p) }
