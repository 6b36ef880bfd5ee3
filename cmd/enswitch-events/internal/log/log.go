// Package log writes what the program says beside the data: to stderr, one
// line each, lower case, the program's name first; or as JSON lines.
//
// Messages may quote what was received, so every line is made safe for a
// terminal here, and the keys in use are struck out whatever error they stand
// in.
package log

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
)

// Prefix begins every line of text.
const Prefix = "enswitch-events: "

// Redacted stands where a key stood.
const Redacted = "***"

// Options says what is written and how.
type Options struct {
	// Level is the least level that is written.
	Level slog.Level
	// JSON writes JSON lines instead of text.
	JSON bool
}

// Logger writes messages. Its methods are safe for concurrent use and do not wait
// for w for long: if it takes nothing, the last some hundreds are kept for it and
// those before are lost. For a file on disk they wait as long as it takes
// something, so none is lost.
type Logger struct {
	*slog.Logger
	keys  *keys
	queue *queue
}

// Close writes what waits. It gives up when w has taken nothing for a second,
// and after ten whatever it takes.
func (t *Logger) Close() {
	if lost := t.queue.missed(); lost > 0 {
		t.Warn(fmt.Sprintf("%d messages before these were lost: stderr took nothing", lost), "lost", lost)
	}
	t.queue.close(time.Second, 10)
}

// New returns a Logger that writes to w, one Write a message. Close ends it.
func New(w io.Writer, o Options) *Logger {
	k, q := &keys{}, newQueue(w)
	if o.JSON {
		h := slog.NewJSONHandler(q, &slog.HandlerOptions{
			Level: o.Level,
			ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
				switch {
				case a.Key == slog.LevelKey && len(groups) == 0:
					a.Value = slog.StringValue(strings.ToLower(a.Value.String()))
				case a.Value.Kind() == slog.KindString:
					a.Value = slog.StringValue(k.strike(a.Value.String()))
				case a.Value.Kind() == slog.KindAny:
					if err, ok := a.Value.Any().(error); ok {
						a.Value = slog.StringValue(k.strike(err.Error()))
					}
				}
				return a
			},
		})
		return &Logger{slog.New(h), k, q}
	}
	return &Logger{slog.New(&text{w: q, level: o.Level, keys: k}), k, q}
}

// Hide strikes key out of every message from now on.
func (t *Logger) Hide(key string) { t.keys.add(key) }

type keys struct {
	mu   sync.Mutex
	list []string
}

func (k *keys) add(key string) {
	if key == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, form := range []string{key, url.QueryEscape(key), url.PathEscape(key)} {
		if !slices.Contains(k.list, form) {
			k.list = append(k.list, form)
		}
	}
	slices.SortFunc(k.list, func(a, b string) int { return len(b) - len(a) })
}

// strike replaces the keys in s. A key so short that it may be part of any
// word is only replaced where it follows authkey=.
func (k *keys) strike(s string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.list {
		if len(key) >= 6 {
			s = strings.ReplaceAll(s, key, Redacted)
		} else {
			s = strings.ReplaceAll(s, "authkey="+key, "authkey="+Redacted)
		}
	}
	return s
}

// waiting is how many messages may wait for a stderr that takes nothing.
const waiting = 256

// How long a message waits for room at most. Once that was in vain, none waits until
// something has been taken.
const (
	waitForFile  = time.Second
	waitForOther = 10 * time.Millisecond
)

// queue writes messages in a goroutine of its own. Those who speak are the
// readers of the feed and the answerers of POSTs: they must not wait for a
// terminal that someone has halted.
type queue struct {
	w     io.Writer
	ch    chan []byte
	done  chan struct{}
	taken atomic.Int64 // messages that w took
	wait  time.Duration

	mu     sync.Mutex
	closed bool
	lost   int
	vain   int64 // taken when a message waited in vain, -1 if none has
}

func newQueue(w io.Writer) *queue {
	q := &queue{w: w, ch: make(chan []byte, waiting), done: make(chan struct{}), wait: waitForOther, vain: -1}
	if f, ok := w.(interface{ Stat() (os.FileInfo, error) }); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			q.wait = waitForFile
		}
	}
	go func() {
		defer close(q.done)
		for p := range q.ch {
			_, _ = q.w.Write(p)
			q.taken.Add(1)
		}
	}()
	return q
}

func (q *queue) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, io.ErrClosedPipe
	}
	for p := slices.Clone(p); ; {
		select {
		case q.ch <- p:
			return len(p), nil
		default:
		}
		if q.roomSoon(p) {
			return len(p), nil
		}
		// The oldest goes: what comes last is how it ended.
		select {
		case <-q.ch:
			q.lost++
		default:
		}
	}
}

// roomSoon waits a little for room for p and reports whether p is in the queue. The
// mutex is held.
func (q *queue) roomSoon(p []byte) bool {
	if q.taken.Load() == q.vain {
		return false
	}
	t := time.NewTimer(q.wait)
	defer t.Stop()
	select {
	case q.ch <- p:
		return true
	case <-t.C:
		q.vain = q.taken.Load()
		return false
	}
}

// missed returns how many messages have been lost.
func (q *queue) missed() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}

// close writes what waits. It gives up when w has taken nothing for a while,
// and after so many whiles whatever it takes.
func (q *queue) close(while time.Duration, whiles int) {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.ch)
	}
	q.mu.Unlock()
	t := time.NewTicker(while)
	defer t.Stop()
	for before := q.taken.Load(); whiles > 0; whiles-- {
		select {
		case <-q.done:
			return
		case <-t.C:
			taken := q.taken.Load()
			if taken == before {
				return
			}
			before = taken
		}
	}
}

// Below is the key of the attribute that is written below the message, on lines
// of its own: what to try. Only the program's own words belong there. A message
// is one line whatever it quotes.
const Below = "hint"

// text is a slog.Handler that writes the message and what goes Below it; the
// other attributes are for programs.
type text struct {
	w     io.Writer
	level slog.Level
	keys  *keys
}

func (t *text) Enabled(_ context.Context, l slog.Level) bool { return l >= t.level }

func (t *text) Handle(_ context.Context, r slog.Record) error {
	b := []byte(Prefix)
	b = safe.Append(b, []byte(t.keys.strike(r.Message)))
	b = append(b, '\n')
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == Below {
			for line := range strings.SplitSeq(t.keys.strike(a.Value.String()), "\n") {
				b = append(b, "  "...)
				b = safe.Append(b, []byte(line))
				b = append(b, '\n')
			}
		}
		return true
	})
	_, err := t.w.Write(b)
	return err
}

func (t *text) WithAttrs([]slog.Attr) slog.Handler { return t }
func (t *text) WithGroup(string) slog.Handler      { return t }
