package forward

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/forward"
)

// frameHeader is the length of what is in front of each record: its length, in 4 bytes.
const frameHeader = 4

// newEncoder returns an Encode that makes records of the queue out of events.
func newEncoder() engine.Encode {
	var identifier event.Identifier
	var payload []byte
	return func(out []byte, begin int, e *engine.Event, nth int) []byte {
		payload = append(payload[:0], out[begin:len(out)-1]...)
		x := &e.X
		it := forward.Item{
			Payload: payload, ID: forward.NthID(identifier.ID(x), nth), Class: text(x.Class()), Event: text(x.Event()),
			Key: text(x.Field("callid")), Machine: text(x.Field("machine")), Received: e.Received,
		}
		if it.Received.IsZero() { // a capture does not have it
			it.Received = time.Now()
		}
		out = append(out[:begin], 0, 0, 0, 0)
		out = forward.AppendRecord(out, &it)
		binary.BigEndian.PutUint32(out[begin:], uint32(len(out)-begin-frameHeader))
		return out
	}
}

func text(v event.Value) string {
	if v.Kind == event.Absent {
		return ""
	}
	return string(v.AppendText(nil))
}

// writer is the engine's output: it adds the records of each write to all queues.
type writer struct {
	ctx     context.Context // waiting ends with it
	to      []*forward.Forwarder
	limits  []*limit // by queue, nil if it waits for none
	rest    []byte   // the beginning of a record
	records [][]byte
}

// Write implements [io.Writer]. It never fails: the queue says what it drops.
func (w *writer) Write(p []byte) (int, error) {
	data := p
	if len(w.rest) > 0 {
		w.rest = append(w.rest, p...)
		data = w.rest
	}
	w.records = w.records[:0]
	for len(data) >= frameHeader {
		end := frameHeader + int(binary.BigEndian.Uint32(data))
		if end > len(data) {
			break
		}
		w.records = append(w.records, data[frameHeader:end])
		data = data[end:]
	}
	if len(w.records) > 0 {
		for i, f := range w.to {
			if w.limits != nil {
				w.limits[i].add(w.ctx, f, w.records)
			} else {
				f.Add(w.records...)
			}
		}
	}
	w.rest = append(w.rest[:0], data...)
	return len(p), nil
}

// limit holds back what is read from captures while a queue is nearly full: a capture can
// wait. Only when nothing is delivered for a while do the oldest events go.
type limit struct {
	bytes   int64 // of the queue
	givenUp int64 // how many events were done with when waiting was given up, -1 before
}

const (
	// limitPatience is how long a queue may be nearly full while nothing is delivered.
	limitPatience = 2 * time.Second
	limitPoll     = 5 * time.Millisecond
)

// add adds records to f, a few at a time, each time when there is room.
func (l *limit) add(ctx context.Context, f *forward.Forwarder, records [][]byte) {
	for len(records) > 0 {
		n, size := 0, int64(0)
		for n < len(records) && (n == 0 || size < l.bytes/16) {
			size += int64(len(records[n]))
			n++
		}
		l.wait(ctx, f)
		f.Add(records[:n]...)
		records = records[n:]
	}
}

// wait waits until f has room, nothing is delivered any more, or ctx is done.
func (l *limit) wait(ctx context.Context, f *forward.Forwarder) {
	since, before := time.Now(), int64(-1)
	for ctx.Err() == nil {
		c := f.Counts()
		done := c.Delivered + c.Dead + c.AlreadyThere
		if c.Bytes <= l.bytes/2 || done == l.givenUp {
			return
		}
		if done != before {
			since, before = time.Now(), done
		} else if time.Since(since) > limitPatience {
			l.givenUp = done
			return
		}
		select {
		case <-time.After(limitPoll):
		case <-ctx.Done():
		}
	}
}
