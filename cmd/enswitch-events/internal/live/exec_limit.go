package live

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// maxLimited bounds the values for which the time of the last command is remembered. If more
// values come within --exec-every, the oldest is forgotten, and its next event runs a command
// at once.
const maxLimited = 10_000

// limit allows at most one command per interval for each value of some fields. Only leftOut is
// safe for concurrent use.
type limit struct {
	every  time.Duration
	fields []string // none: one value for all
	seen   []bool   // an event had the field

	seeds   [2]maphash.Seed
	last    map[limitKey]*limited
	buf     []byte
	leftOut atomic.Int64
}

// limitKey is the hash of a value. Two values have the same one with a probability of about 1
// in 2^128.
type limitKey [2]uint64

// limited is the time of the last command for a value, and the number of events since then that
// ran none.
type limited struct {
	at      time.Time
	leftOut int64
}

func newLimit(every time.Duration, fields []string) *limit {
	return &limit{
		every: every, fields: fields, seen: make([]bool, len(fields)),
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, last: map[limitKey]*limited{},
	}
}

// allows reports whether a command may run for an event at that time, and how many events of
// the same value ran none since the last command.
func (l *limit) allows(x *event.Index, now time.Time) (leftOut int64, ok bool) {
	key := l.key(x)
	v := l.last[key]
	if v != nil && now.Sub(v.at) < l.every {
		v.leftOut++
		l.leftOut.Add(1)
		return 0, false
	}
	if v == nil {
		if len(l.last) >= maxLimited {
			l.forget(now)
		}
		v = &limited{}
		l.last[key] = v
	}
	leftOut = v.leftOut
	v.at, v.leftOut = now, 0
	return leftOut, true
}

// key returns the key of the values of the fields. A missing field differs from an empty one; a
// number is the same as its text.
func (l *limit) key(x *event.Index) limitKey {
	b := l.buf[:0]
	for i, name := range l.fields {
		v := x.Get(name)
		if v.Kind == event.Absent {
			b = append(b, 0)
			continue
		}
		l.seen[i] = true
		b = append(event.AppendString(append(b, 1), v.Text()), 0)
	}
	l.buf = b
	if cap(l.buf) > 1<<20 {
		l.buf = nil // of a giant value
	}
	return limitKey{maphash.Bytes(l.seeds[0], b), maphash.Bytes(l.seeds[1], b)}
}

// forget forgets the values whose interval is over, or, if there are none, the oldest value.
func (l *limit) forget(now time.Time) {
	var oldest limitKey
	var at time.Time
	before := len(l.last)
	for key, v := range l.last {
		switch {
		case now.Sub(v.at) >= l.every && v.leftOut == 0:
			delete(l.last, key)
		case at.IsZero() || v.at.Before(at):
			oldest, at = key, v.at
		}
	}
	if len(l.last) == before {
		delete(l.last, oldest)
	}
}

// unseen returns the fields that no event had.
func (l *limit) unseen() string {
	var names []string
	for i, name := range l.fields {
		if !l.seen[i] {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", nor ")
}
