package enswitchtest

import (
	"context"
	"math"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Pacing of a [Replay].
const (
	// maxDisorder is how far timestamps may go back within a stretch of events:
	// machines have their own clocks.
	maxDisorder = time.Minute
	// longWait is the shortest wait for which OnWait is called.
	longWait = 10 * time.Second
	// maxLag is how late the replay may be before it stops catching up.
	maxLag = time.Second
	// maxApart bounds the time between two events, in microseconds: thirty years, so
	// that sums of times do not overflow.
	maxApart = 1e15
)

// ReplayOptions are the settings of a [Replay]. Nil and zero fields mean the defaults
// that are named here.
type ReplayOptions struct {
	// Speed is the factor by which the replay is faster than the timestamps; 1 if zero.
	// With math.Inf(1) it does not wait at all.
	Speed float64
	// Restamp replaces timestamps by the time of the replay: see [Replay.Next].
	Restamp bool
	// OnWait is called before a wait of more than ten seconds, with its duration.
	OnWait func(time.Duration)
	// OnUntimed is called for each event without a readable timestamp.
	OnUntimed func()
}

// Replay plays recorded events at the pace of their timestamps. It is not safe for
// concurrent use.
type Replay struct {
	o       ReplayOptions
	x       event.Index
	timer   *time.Timer
	started bool
	base    time.Time     // when due 0 is
	due     time.Duration // of the current event, from base
	latest  int64         // the timestamp that belongs to due, in microseconds
}

// NewReplay makes a replay. It panics if Speed is negative or not a number.
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

// Next waits until the event is due, and returns the event to send: raw itself, or with
// Restamp a copy, which belongs to the caller. It returns an [*event.Error] at once if raw
// is not an event, and the error of ctx if that ends first.
//
// The first event is due at once. Each later event is due as much later as its timestamp
// is. An event that is earlier than one before it, because machines have their own clocks,
// or that has no timestamp, is due with the one before. If timestamps go back by more than
// a minute, a new stretch begins, and its first event is due at once. If the caller takes
// longer than the time between events, the replay catches up, but at most one second.
//
// Restamp replaces the text of the field timestamp, the last one if it is repeated, and no
// other byte. The new timestamp is the time at which the event is due; an event that is
// earlier than one before it stays earlier by as much. At another speed than 1 the times
// between events change with the speed. Without waiting, each timestamp is the current
// time. An event without a timestamp is not changed.
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
	if !r.started {
		r.started, r.base = true, time.Now()
		r.latest = usec
	}
	behind := time.Duration(0) // how much earlier the event is than the latest one
	if timed {
		switch apart := time.Duration(min(usec-r.latest, maxApart)) * time.Microsecond; {
		case r.latest == 0 || usec < r.latest-maxDisorder.Microseconds():
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

// scaled converts a duration of the recording into one of the replay.
func (r *Replay) scaled(d time.Duration) time.Duration {
	return time.Duration(min(float64(d)/r.o.Speed, float64(math.MaxInt64/4)))
}

// wait waits until due.
func (r *Replay) wait(ctx context.Context) error {
	if math.IsInf(r.o.Speed, 1) {
		return nil
	}
	wait := time.Until(r.base.Add(r.due))
	if wait < -maxLag {
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

// restamp returns a copy of the event with the given time as the value of a field.
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

// valueAt returns the place of the value of a field in an event that event.Index accepts.
// The index itself cannot: the values of a repaired event are not in raw. The value must
// be a string or a number.
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

// stringEnd returns the offset after the string that begins at b[i].
func stringEnd(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}
