package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// ampleBuffer holds a whole flood. A server that never rests is faster than
// any reader that does something; with less, tail would drop events rather
// than let the server wait, and both sides would no longer do the same work.
const ampleBuffer = "16GiB"

func (b *bench) times(events int) int { return (events + chunkEvents - 1) / chunkEvents }

// tail is the program with these flags, whose output check looks at.
func (b *bench) tail(check func(path string, times int) error, flags ...string) *client {
	return &client{
		name: b.binary,
		args: func(address string) []string {
			return append([]string{"tail", address, "--no-reconnect", "--log-format", "json", "--buffer", ampleBuffer}, flags...)
		},
		exit: 5, // the server closes
		check: func(path string, stderr []byte, times int) error {
			l, err := readLedger(stderr)
			if err != nil {
				return err
			}
			if l.Received != times*chunkEvents || l.Kept+l.Filtered != l.Received {
				return fmt.Errorf("of %d events: %+v", times*chunkEvents, l)
			}
			return check(path, times)
		},
	}
}

func (b *bench) bareLoop() *client {
	return &client{
		name: b.self,
		args: func(address string) []string { return []string{bareLoop, address} },
		check: func(path string, _ []byte, times int) error {
			said, err := os.ReadFile(path)
			if want := fmt.Sprintln(times * chunkEvents); err == nil && string(said) != want {
				err = fmt.Errorf("the bare loop counted %q, not %q", said, want)
			}
			return err
		},
	}
}

// besideBare is the row of tail with these flags beside the bare loop.
func besideBare(ctx context.Context, b *bench, reach string, check func(path string, times int) error, flags ...string) ([]row, error) {
	times := b.times(b.events)
	ours, theirs, err := b.floods(ctx, b.tail(check, flags...), b.bareLoop(), times)
	if err != nil {
		return nil, err
	}
	return []row{{
		what: "`tail " + shell(flags) + "` into a file", against: "a bare gorilla loop that only counts",
		ratio: fmt.Sprintf("%.2f", theirs.Seconds()/ours.Seconds()), reach: reach,
		ours: perSecond(times*chunkEvents, ours), theirs: perSecond(times*chunkEvents, theirs),
	}}, nil
}

// shell is args as one would type them.
func shell(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		if quoted[i] = a; strings.ContainsAny(a, ` "'$|`) {
			quoted[i] = "'" + a + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// keeps checks output that is the kept events' own bytes.
func (b *bench) keeps(keep func(map[string]any) bool) (func(path string, times int) error, error) {
	want, err := b.corpus.kept(keep)
	return func(path string, times int) error { return repeats(path, want, times) }, err
}

func tailClass(ctx context.Context, b *bench) ([]row, error) {
	check, err := b.keeps(func(e map[string]any) bool { return e["class"] == "call" && e["event"] == "answer" })
	if err != nil {
		return nil, err
	}
	return besideBare(ctx, b, "0.40", check, "-c", "call", "-e", "answer")
}

func tailJQ(ctx context.Context, b *bench) ([]row, error) {
	check, err := b.keeps(func(e map[string]any) bool { return e["class"] == "call" && e["machine"] == 2.0 })
	if err != nil {
		return nil, err
	}
	return besideBare(ctx, b, "0.35", check, "--jq", `.class=="call" and .machine==2`)
}

func tailLine(ctx context.Context, b *bench) ([]row, error) {
	check := func(path string, times int) error { return linesHold(path, b.corpus.ids, times) }
	return besideBare(ctx, b, "0.25", check, "-o", "line", "--color", "always")
}

func tailAll(ctx context.Context, b *bench) ([]row, error) {
	wscat := installed("wscat")
	if wscat == "" {
		b.skip("`tail` beside `wscat`: no wscat here (npm install -g wscat)")
		return nil, nil
	}
	check, err := b.keeps(func(map[string]any) bool { return true })
	if err != nil {
		return nil, err
	}
	peer := &client{
		name:  wscat,
		args:  func(address string) []string { return []string{"--connect", address} },
		check: func(path string, _ []byte, times int) error { return check(path, times) },
	}
	// wscat takes a minute for what tail does in seconds.
	times := b.times(min(b.events, 600_000))
	ours, theirs, err := b.floods(ctx, b.tail(check), peer, times)
	if err != nil {
		return nil, err
	}
	return []row{{
		what: "`tail` into a file", against: "`wscat` into a file",
		ratio: fmt.Sprintf("%.1f", theirs.Seconds()/ours.Seconds()), reach: "15",
		ours: perSecond(times*chunkEvents, ours), theirs: perSecond(times*chunkEvents, theirs),
	}}, nil
}

// startUp is how long it takes to do nothing.
func startUp(ctx context.Context, b *bench) ([]row, error) {
	var all []time.Duration
	for range max(20, b.rounds) {
		start := time.Now()
		if err := b.command(ctx, b.binary, "version").Run(); err != nil {
			return nil, err
		}
		all = append(all, time.Since(start))
	}
	return []row{{what: "start-up: `version`, from fork to exit", ours: round(median(all)), reach: "10ms"}}, nil
}

func binarySize(_ context.Context, b *bench) ([]row, error) {
	info, err := os.Stat(b.binary)
	if err != nil {
		return nil, err
	}
	return []row{{what: "the program's file, stripped", ours: fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), reach: "25 MB"}}, nil
}
