package stream

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/enswitch-events/enswitch-events/pkg/internal/guard"
)

// What a reader of a group answers to a message, as JetStream defines it.
const (
	ackDone     = "+ACK"
	ackBack     = "-NAK" // the message goes to another reader
	ackProgress = "+WPI" // the message is being worked on
)

// maxDone bounds the acknowledged messages that are remembered: the server sends again what
// was acknowledged on a connection that broke.
const maxDone = 4 * MaxHeld

// held are the messages of a group that are not acknowledged, by sequence.
type held struct {
	open   map[uint64]holding
	failed []holding       // acknowledged while there was no connection
	done   map[uint64]bool // the last maxDone that were acknowledged
	order  []uint64        // of done, oldest first
}

// holding is a message that is held.
type holding struct {
	reply string // where answers go
	at    time.Time
}

func newHeld() held { return held{open: map[uint64]holding{}, done: map[uint64]bool{}} }

// take notes a message that has come. It reports false if the message came before and must not
// be yielded again. again says that it was acknowledged before.
func (h *held) take(sequence uint64, reply string) (fresh, again bool) {
	_, known := h.open[sequence]
	if again = h.done[sequence]; !again {
		h.open[sequence] = holding{reply, time.Now()}
	}
	return !known && !again, again
}

// release notes that a message is acknowledged, and returns what was held.
func (h *held) release(sequence uint64) (holding, bool) {
	m, ok := h.open[sequence]
	if !ok {
		return m, false
	}
	delete(h.open, sequence)
	h.done[sequence] = true
	if h.order = append(h.order, sequence); len(h.order) > maxDone {
		delete(h.done, h.order[0])
		h.order = h.order[1:]
	}
	return m, true
}

// lowest returns the lowest sequence that is held, or otherwise.
func (h *held) lowest(otherwise uint64) uint64 {
	for sequence := range h.open {
		otherwise = min(otherwise, sequence)
	}
	return otherwise
}

// giveBack gives all messages back, in order, so that they come again in order.
func (h *held) giveBack(conn *nats.Conn) {
	for _, sequence := range slices.Sorted(maps.Keys(h.open)) {
		_ = conn.Publish(h.open[sequence].reply, []byte(ackBack)) // they come again in any case, only later
	}
	clear(h.open)
}

// Ack acknowledges the messages with these numbers. One that is not held is left out. Without a
// connection they are acknowledged when there is one again. It is safe for concurrent use.
func (r *Reader) Ack(sequences ...uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, sequence := range sequences {
		m, ok := r.held.release(sequence)
		if ok && (r.conn == nil || r.conn.Publish(m.reply, []byte(ackDone)) != nil) {
			r.held.failed = append(r.held.failed, m)
		}
	}
	select {
	case r.freed <- struct{}{}:
	default:
	}
}

// connected makes conn the connection for acknowledgements.
func (r *Reader) connected(conn *nats.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn = conn
	for _, m := range r.held.failed {
		_ = conn.Publish(m.reply, []byte(ackDone)) // if it fails, take answers the message when it comes again
	}
	r.held.failed = nil
	if r.opts.Group != "" && r.keeping == nil {
		ctx, cancel := context.WithCancel(context.Background())
		r.keeping = cancel
		r.kept.Go(func() { guard.Run(r.opts.OnPanic, func() { r.keepAlive(ctx) }) })
	}
}

// keepAlive tells the server that the messages that are held for long are being worked on,
// until ctx is done. A reader of the events that is slow, or blocked, is not dead.
func (r *Reader) keepAlive(ctx context.Context) {
	r.mu.Lock()
	every := r.ackWait / 3
	r.mu.Unlock()
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			r.mu.Lock()
			for sequence, m := range r.held.open {
				if r.conn != nil && now.Sub(m.at) >= every && r.conn.Publish(m.reply, []byte(ackProgress)) == nil {
					m.at = now
					r.held.open[sequence] = m
				}
			}
			r.mu.Unlock()
		}
	}
}
