// Package log writes the messages of the program to stderr: one line each, in lower
// case, with the name of the program in front; or as JSON lines.
//
// A message may quote what was received, so everything that could disturb a terminal is
// escaped here, and the keys in use are redacted.
package log

import (
	"context"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
)

// prefix begins every message in text, and indent the lines below it.
const (
	prefix = "enswitch-events: "
	indent = "  "
)

// Redacted replaces a key.
const Redacted = "***"

// Options are the options of a Logger.
type Options struct {
	// Level is the lowest level that is written.
	Level slog.Level
	// JSON selects JSON lines instead of text.
	JSON bool
	// Width returns the columns of the terminal that text is written to: a message and its
	// hint are broken at blanks there. Nil, or 0, is no terminal.
	Width func() int
}

// Logger writes messages to stderr. Its methods are safe for concurrent use. They do not
// wait for a writer that is blocked: the last 256 messages are kept for it, and earlier
// ones are lost and counted. A regular file is given more time, so that none is lost.
type Logger struct {
	*slog.Logger
	keys  *secrets
	queue *queue
}

// Close writes the messages in the queue. It gives up when none was written for a
// second, and after ten seconds in any case.
func (l *Logger) Close() {
	if lost := l.queue.dropped(); lost > 0 {
		l.Warn(humanize.Comma(int64(lost))+" messages before these were lost: stderr was blocked", "lost", lost)
	}
	l.queue.close(time.Second, 10)
}

// New returns a Logger that writes to w, with one Write for each message. The caller must
// Close it.
func New(w io.Writer, o Options) *Logger {
	k, q := &secrets{}, newQueue(w)
	if o.JSON {
		h := slog.NewJSONHandler(q, &slog.HandlerOptions{
			Level: o.Level,
			ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
				switch {
				case a.Key == slog.LevelKey && len(groups) == 0:
					a.Value = slog.StringValue(strings.ToLower(a.Value.String()))
				case a.Key == HintKey && len(groups) == 0:
					a.Value = slog.AnyValue(strings.Split(k.redact(a.Value.String()), "\n"))
				case a.Value.Kind() == slog.KindString:
					a.Value = slog.StringValue(k.redact(a.Value.String()))
				case a.Value.Kind() == slog.KindAny:
					if err, ok := a.Value.Any().(error); ok {
						a.Value = slog.StringValue(k.redact(err.Error()))
					}
				}
				return a
			},
		})
		return &Logger{slog.New(h), k, q}
	}
	return &Logger{slog.New(&textHandler{w: q, level: o.Level, keys: k, width: o.Width}), k, q}
}

// HideKey redacts key in every message from now on.
func (l *Logger) HideKey(key string) { l.keys.add(key) }

// Redact returns s without the keys that HideKey got.
func (l *Logger) Redact(s string) string { return l.keys.redact(s) }

// secrets are the keys to redact, in all forms in which a message may have them.
type secrets struct {
	mu   sync.Mutex
	list []string
}

func (k *secrets) add(key string) {
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

// redact replaces the keys in s. A key that is so short that it may be part of any word
// is only replaced after authkey=.
func (k *secrets) redact(s string) string {
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

// queueSize is how many messages are kept while stderr is blocked.
const queueSize = 256

// How long a message waits at most for room in the queue. After one has waited in vain,
// none waits until something has been written.
const (
	fileWait = time.Second
	pipeWait = 10 * time.Millisecond
)

// queue writes messages in a goroutine of its own. The callers receive events: they must
// not wait for a terminal that somebody has stopped.
type queue struct {
	w       io.Writer
	ch      chan []byte
	done    chan struct{}
	written atomic.Int64 // messages
	wait    time.Duration

	mu         sync.Mutex
	closed     bool
	lost       int
	timedOutAt int64 // the value of written when a message waited in vain, -1 if none has
}

func newQueue(w io.Writer) *queue {
	q := &queue{w: w, ch: make(chan []byte, queueSize), done: make(chan struct{}), wait: pipeWait, timedOutAt: -1}
	if f, ok := w.(interface{ Stat() (os.FileInfo, error) }); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			q.wait = fileWait
		}
	}
	go func() {
		defer close(q.done)
		for p := range q.ch {
			_, _ = q.w.Write(p)
			q.written.Add(1)
		}
	}()
	return q
}

// Write queues a message. If the queue is full and does not drain soon, the oldest message
// is lost.
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
		if q.waitForRoom(p) {
			return len(p), nil
		}
		// The oldest is lost: the last messages say how the run ended.
		select {
		case <-q.ch:
			q.lost++
		default:
		}
	}
}

// waitForRoom waits a little for room for p and reports whether p is in the queue. q.mu
// is held.
func (q *queue) waitForRoom(p []byte) bool {
	if q.written.Load() == q.timedOutAt {
		return false
	}
	t := time.NewTimer(q.wait)
	defer t.Stop()
	select {
	case q.ch <- p:
		return true
	case <-t.C:
		q.timedOutAt = q.written.Load()
		return false
	}
}

// dropped returns how many messages were lost.
func (q *queue) dropped() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}

// close writes the messages in the queue. It gives up when none was written in an
// interval, and after maxIntervals in any case.
func (q *queue) close(interval time.Duration, maxIntervals int) {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.ch)
	}
	q.mu.Unlock()
	t := time.NewTicker(interval)
	defer t.Stop()
	for before := q.written.Load(); maxIntervals > 0; maxIntervals-- {
		select {
		case <-q.done:
			return
		case <-t.C:
			written := q.written.Load()
			if written == before {
				return
			}
			before = written
		}
	}
}

// HintKey is the key of the attribute with the hint: what to try. It has a line for each
// thing to try: text has them below the message, JSON as an array. It must not quote
// anything received; a message may, because it is always one line.
const HintKey = "hint"

// textHandler is a slog.Handler that writes the message and the hint below it. The other
// attributes are for JSON only.
type textHandler struct {
	w     io.Writer
	level slog.Level
	keys  *secrets
	width func() int
}

// Enabled implements [slog.Handler].
func (t *textHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= t.level }

// Handle implements [slog.Handler].
func (t *textHandler) Handle(_ context.Context, r slog.Record) error {
	width := 0
	if t.width != nil {
		width = t.width()
	}
	b := []byte(prefix)
	b = append(b, wrap(safe.String(t.keys.redact(r.Message)), len(prefix), width, indent)...)
	b = append(b, '\n')
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == HintKey {
			for line := range strings.SplitSeq(t.keys.redact(a.Value.String()), "\n") {
				line = safe.String(line)
				if !strings.HasPrefix(line, " ") { // else it is an excerpt with a caret below it
					line = wrap(line, len(indent), width, indent+indent)
				}
				b = append(append(append(b, indent...), line...), '\n')
			}
		}
		return true
	})
	_, err := t.w.Write(b)
	return err
}

// WithAttrs implements [slog.Handler].
func (t *textHandler) WithAttrs([]slog.Attr) slog.Handler { return t }

// WithGroup implements [slog.Handler].
func (t *textHandler) WithGroup(string) slog.Handler { return t }
