// Package talk writes what the program says beside the data: to stderr, one
// line each, lower case, the program's name first; or as JSON lines.
//
// Messages may quote what was received, so every line is made safe for a
// terminal here, and the keys in use are struck out whatever error they stand
// in.
package talk

import (
	"context"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
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

// Talk writes messages. Its methods are safe for concurrent use.
type Talk struct {
	*slog.Logger
	keys *keys
}

// New returns a Talk that writes to w, one Write a message.
func New(w io.Writer, o Options) *Talk {
	k := &keys{}
	if o.JSON {
		h := slog.NewJSONHandler(&lockedWriter{w: w}, &slog.HandlerOptions{
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
		return &Talk{slog.New(h), k}
	}
	return &Talk{slog.New(&text{w: &lockedWriter{w: w}, level: o.Level, keys: k}), k}
}

// Hide strikes key out of every message from now on.
func (t *Talk) Hide(key string) { t.keys.add(key) }

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

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// text is a slog.Handler that writes only the message: what a person should
// read stands there, and the attributes are for programs.
type text struct {
	w     io.Writer
	level slog.Level
	keys  *keys
}

func (t *text) Enabled(_ context.Context, l slog.Level) bool { return l >= t.level }

func (t *text) Handle(_ context.Context, r slog.Record) error {
	var b []byte
	for i, line := range strings.Split(t.keys.strike(r.Message), "\n") {
		if i == 0 {
			b = append(b, Prefix...)
		}
		b = render.AppendSafe(b, []byte(line))
		b = append(b, '\n')
	}
	_, err := t.w.Write(b)
	return err
}

func (t *text) WithAttrs([]slog.Attr) slog.Handler { return t }
func (t *text) WithGroup(string) slog.Handler      { return t }
