package enswitchtest

import (
	"context"
	"math"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Pacing of a [Replay].
const (
	// disorder is how far timestamps may go back without meaning that a new
	// stretch of events begins: machines have their own clocks.
	disorder = time.Minute
	// longWait is from when on a wait is told of.
	longWait = 10 * time.Second
	// catchUp is how much time lost is made up for.
	catchUp = time.Second
	// longest bounds the microseconds between two events, thirty years, so that
	// sums of times do not overflow.
	longest = 1e15
)

// ReplayOptions are the settings of a [Replay]. Nil and zero fields mean the
// defaults that are named here.
type ReplayOptions struct {
	// Speed is how many times as fast as its timestamps the replay runs; 1 if
	// zero. With math.Inf(1) it does not wait at all.
	Speed float64
	// Restamp moves timestamps to now, see [Replay.Next].
	Restamp bool
	// OnWait is told before the replay waits for longer than ten seconds for the
	// next event, and how long.
	OnWait func(time.Duration)
	// OnUntimed is told of each event without a timestamp that can be read.
	OnUntimed func()
}

// Replay plays events that were recorded at the pace of their timestamps. It is
// not safe for concurrent use.
type Replay struct {
	o      ReplayOptions
	x      event.Index
	timer  *time.Timer
	begun  bool
	base   time.Time // when what has due 0 is due
	due    time.Duration
	latest int64 // timestamp, in microseconds, that due belongs to
}

// NewReplay makes a replay. It panics if the speed is below 0 or no number.
func NewReplay(o *ReplayOptions) *Replay {
	r := &Replay{}
	if o != nil {
		r.o = *o
	}
	if r.o.Speed == 0 {
		r.o.Speed = 1
	}
	if !(r.o.Speed > 0) {
		panic("enswitchtest: NewReplay wants a positive speed")
	}
	return r
}

// Next waits until the event is due and returns it as it is to be sent: raw
// itself, or with Restamp a copy that is the caller's. It returns an
// [*event.Error] at once for what is no event, and the context's error if that
// ends first.
//
// The first event is due at once, each later one as much later as its timestamp
// says. One that is earlier than another before it, because machines have their
// own clocks, or that has no timestamp, goes with the one before. Where
// timestamps go back by more than a minute a new stretch begins, and its first
// event is due at once. Time lost because the caller took longer than the
// events are apart is made up for, but not more than a second of it.
//
// Restamp replaces the text of the field timestamp, of the last one if it is
// repeated, and no other byte. The new timestamp is the moment at which the
// event is due, and earlier by as much as its old one was earlier than one
// before it; at speeds other than 1 distances shrink or grow with the speed,
// and without waiting all are now. An event without a timestamp stays as it is.
func (r *Replay) Next(ctx context.Context, raw []byte) ([]byte, error) {
	if err := r.x.Scan(raw); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	field := r.x.Find("timestamp")
	usec, timed := int64(0), false
	var v event.Value
	if field >= 0 {
		v = r.x.Value(field)
		if v.Kind == event.String || v.Kind == event.Number {
			usec, timed = event.Timestamp(v.Text())
		}
	}
	if !timed && r.o.OnUntimed != nil {
		r.o.OnUntimed()
	}
	if !r.begun {
		r.begun, r.base = true, time.Now()
		r.latest = usec
	}
	behind := time.Duration(0) // how far the event is before the latest one
	if timed {
		switch apart := time.Duration(min(usec-r.latest, longest)) * time.Microsecond; {
		case r.latest == 0 || usec < r.latest-disorder.Microseconds():
			r.latest = usec
		case apart < 0:
			behind = -apart
		default:
			r.due = min(r.due+r.scaled(apart), math.MaxInt64/4)
			r.latest = usec
		}
	}
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	if !r.o.Restamp || !timed {
		return raw, nil
	}
	at := r.base.Add(r.due - r.scaled(behind))
	if math.IsInf(r.o.Speed, 1) {
		at = time.Now()
	}
	return restamp(raw, field, v.Kind == event.String, at.UnixMicro()), nil
}

// scaled is a time of the capture as a time of the replay.
func (r *Replay) scaled(d time.Duration) time.Duration {
	return time.Duration(min(float64(d)/r.o.Speed, float64(math.MaxInt64/4)))
}

// wait waits until due.
func (r *Replay) wait(ctx context.Context) error {
	if math.IsInf(r.o.Speed, 1) {
		return nil
	}
	wait := time.Until(r.base.Add(r.due))
	if wait < -catchUp {
		r.base = r.base.Add(-wait)
	}
	if wait <= 0 {
		return nil
	}
	if wait > longWait && r.o.OnWait != nil {
		r.o.OnWait(wait)
	}
	if r.timer == nil {
		r.timer = time.NewTimer(wait)
	} else {
		r.timer.Reset(wait)
	}
	select {
	case <-r.timer.C:
		return nil
	case <-ctx.Done():
		r.timer.Stop()
		return ctx.Err()
	}
}

// restamp returns a copy of the event with the given time as the text of the
// value of that field.
func restamp(raw []byte, field int, quoted bool, usec int64) []byte {
	begin, end := valueAt(raw, field)
	if quoted {
		begin, end = begin+1, end-1
	}
	b := make([]byte, 0, len(raw)+20)
	b = append(b, raw[:begin]...)
	b = appendDecimal(b, usec)
	return append(b, raw[end:]...)
}

// valueAt finds the value of a field of an event that event.Index accepts. Of
// one that was repaired the index has only other bytes. The value must be a
// string or a number.
func valueAt(raw []byte, field int) (begin, end int) {
	depth := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 1 {
				field--
			}
		case ':':
			if depth != 1 || field != 0 {
				continue
			}
			i++
			for raw[i] <= ' ' {
				i++
			}
			if raw[i] == '"' {
				return i, stringEnd(raw, i)
			}
			begin = i
			for raw[i] > ' ' && raw[i] != ',' && raw[i] != '}' {
				i++
			}
			return begin, i
		}
	}
	panic("enswitchtest: an event without that field")
}

// stringEnd is the offset behind the string that begins at b[i].
func stringEnd(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}
