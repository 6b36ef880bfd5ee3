package post

import (
	"net/http"
	"strings"
	"sync"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/internal/guard"
)

const (
	// maxEarly is the size of the longest body that is parsed before its answer,
	// which takes some 50 µs at most. Compressed and multipart bodies are always
	// parsed after it.
	maxEarly = 8 << 10
	// maxLate is the memory of the bodies in the queue. While they have more,
	// answers wait.
	maxLate = 32 << 20
)

// late is the queue of the bodies that are parsed after their answer. One goroutine
// parses them in order: so a burst of large bodies takes one processor and leaves the
// others to the answers.
type late struct {
	mu      sync.Mutex
	less    sync.Cond // the queue has become shorter
	queue   []*exchange
	bytes   int // memory of the queue and of the body that is being parsed
	max     int // limit of bytes
	working bool
}

// queue puts x into the queue if it takes long to parse, or if the queue is not empty,
// as the order must stay. Otherwise it returns false.
func (h *Handler) queue(x *exchange) bool {
	l := &h.late
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.working && x.quick() {
		return false
	}
	l.queue = append(l.queue, x)
	l.bytes += x.size()
	if !l.working {
		l.working = true
		go guard.Run(h.o.OnPanic, h.work)
	}
	for l.bytes > l.max {
		l.less.Wait()
	}
	return true
}

// quick reports whether x can be parsed in microseconds.
func (x *exchange) quick() bool {
	const slow = "multipart/"
	return len(x.body) <= maxEarly && !x.isCompressed() && (len(x.contentType) < len(slow) || !strings.EqualFold(x.contentType[:len(slow)], slow))
}

func (x *exchange) size() int { return cap(x.body) + cap(x.json) }

// work parses what is in the queue until it is empty.
func (h *Handler) work() {
	for x, size := h.late.next(0); x != nil; x, size = h.late.next(size) {
		note, err := h.deliver(x)
		h.report(x, note, err)
	}
}

// next takes the next one out of the queue, and returns its size; nil once the queue is empty.
// done is the size of the one before.
func (l *late) next(done int) (x *exchange, size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes -= done
	if len(l.queue) == 0 {
		l.queue, l.working = nil, false
	} else {
		x, size = l.queue[0], l.queue[0].size()
		l.queue[0], l.queue = nil, l.queue[1:]
	}
	l.less.Broadcast()
	return x, size
}

// Wait waits until OnEvent or OnReject has got every request that was answered. Call
// it after the shutdown of the server.
func (h *Handler) Wait() {
	l := &h.late
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.working {
		l.less.Wait()
	}
}

// deliver makes an event of the body and calls OnEvent.
func (h *Handler) deliver(x *exchange) (Note, error) {
	x.length = len(x.body)
	raw, note, err := x.event(h.number, h.o.MaxBody)
	if err == nil && h.o.OnEvent != nil {
		h.o.OnEvent(event.Event{Raw: raw, Received: x.received, Source: x.remote})
	}
	return note, err
}

// report calls OnReject or OnNote for a body if needed, and ends x.
func (h *Handler) report(x *exchange, note Note, err error) {
	switch {
	case err != nil:
		h.reject(Rejection{Remote: x.remote, Status: http.StatusOK, Reason: err.Error(), Body: h.excerpt(x.body), Size: int64(x.length)})
	case note != Note{} && h.o.OnNote != nil:
		h.o.OnNote(x.remote, note)
	}
	h.release(x)
}
