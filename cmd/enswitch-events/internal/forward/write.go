package forward

import (
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
	to      []*forward.Forwarder
	rest    []byte // the beginning of a record
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
		for _, f := range w.to {
			f.Add(w.records...)
		}
	}
	w.rest = append(w.rest[:0], data...)
	return len(p), nil
}
