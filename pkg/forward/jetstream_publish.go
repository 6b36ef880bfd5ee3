package forward

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

// flight is the events that one delivery has published. t.mu guards it.
type flight struct {
	subjects []string
	results  []Result
	open     int // those without an answer
	sent     bool
	answer   time.Time // when the last one came
	done     chan struct{}
}

// flightSize is more than a flight has events: a reply subject is the number of the flight
// times flightSize, and the index of the event.
const flightSize = 1 << 10

// settle notes the result of an event. t.mu is held.
func (f *flight) settle(i int, r Result) {
	if f.results[i].Verdict != pending {
		return
	}
	f.results[i] = r
	f.open--
	f.finish()
}

// finish closes done if nothing is open. t.mu is held.
func (f *flight) finish() {
	if f.sent && f.open == 0 {
		f.sent = false
		close(f.done)
	}
}

// pending is the Verdict of an event that has no answer yet.
const pending = Verdict(255)

// publish publishes items, except those that are there, and waits for the answers. looked is when
// it was looked whether they are there.
func (t *jetStream) publish(ctx context.Context, items []*Item, there []bool, looked time.Time) []Result {
	f := &flight{
		subjects: make([]string, len(items)), results: make([]Result, len(items)),
		answer: time.Now(), done: make(chan struct{}),
	}
	for i, it := range items {
		f.subjects[i], f.results[i].Verdict = stream.Subject(t.address.Name, it.Class, it.Event, it.Key), pending
	}
	f.open = len(items)
	t.mu.Lock()
	conn, inbox := t.conn, t.inbox
	t.lastFlight++
	number := t.lastFlight
	t.flights[number] = f
	t.mu.Unlock()
	if conn == nil {
		return forAll(len(items), unreachable(errLost))
	}
	t.send(conn, inbox, number, f, items, there, looked)
	err := t.wait(ctx, f)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.flights, number)
	for i, it := range items {
		t.conclude(&f.results[i], it.ID, err)
	}
	return f.results
}

// send publishes the items of a flight, up to the first one that cannot be.
func (t *jetStream) send(conn *nats.Conn, inbox string, number uint64, f *flight, items []*Item, there []bool, looked time.Time) {
	class, name, received, id := []string{""}, []string{""}, []string{""}, []string{""}
	msg := &nats.Msg{Header: nats.Header{
		stream.HeaderClass: class, stream.HeaderEvent: name, stream.HeaderReceived: received, jetstream.MsgIDHeader: id,
	}}
	var b []byte
	var failed error
	for i, it := range items {
		if failed == nil && (there == nil || !there[i]) {
			msg.Subject = f.subjects[i]
			b = strconv.AppendUint(append(b[:0], inbox...), number*flightSize+uint64(i), 36)
			msg.Reply = string(b)
			b = stream.AppendHeader(b[:0], it.Class)
			class[0] = string(b)
			b = stream.AppendHeader(b[:0], it.Event)
			name[0] = string(b)
			received[0], id[0] = it.Received.UTC().Format(time.RFC3339Nano), it.ID.String()
			msg.Data = it.Payload
			t.fresh.oldest.CompareAndSwap(0, looked.UnixNano())
			err := conn.PublishMsg(msg)
			if err == nil {
				continue
			}
			r := unreachable(err)
			if errors.Is(err, nats.ErrMaxPayload) {
				r = Result{Verdict: Dead, Reason: fmt.Sprintf("it has %d bytes with its headers, and the server takes %d", msg.Size()-len(msg.Subject)-len(msg.Reply), conn.MaxPayload())}
			} else {
				failed = errLost
			}
			t.settle(f, i, r)
			continue
		}
		if failed != nil {
			t.settle(f, i, unreachable(failed))
		} else {
			t.settle(f, i, Result{Verdict: Known})
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	f.sent = true
	f.finish()
}

func (t *jetStream) settle(f *flight, i int, r Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f.settle(i, r)
}

// wait waits until all events of a flight have an answer. The error says why some have none.
func (t *jetStream) wait(ctx context.Context, f *flight) error {
	timer := time.NewTimer(ackTimeout)
	defer timer.Stop()
	for {
		select {
		case <-f.done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			t.mu.Lock()
			rest := ackTimeout - time.Since(f.answer)
			t.mu.Unlock()
			if rest <= 0 {
				return fmt.Errorf("no acknowledgement within %v", ackTimeout)
			}
			timer.Reset(rest)
		}
	}
}

// conclude fills in the Result of an event that has no answer, and remembers the event: if it
// is sent again and the stream has it already, that was this target's own. t.mu is held.
func (t *jetStream) conclude(r *Result, id event.ID, err error) {
	switch r.Verdict {
	case pending:
		*r = unreachable(err)
		if len(t.unsure) < maxUnsure {
			t.unsure[id] = true
		}
	case Known:
		if t.unsure[id] {
			r.Verdict = Done
		}
		fallthrough
	case Done, Dead:
		if len(t.unsure) > 0 {
			delete(t.unsure, id)
		}
	}
}

// acknowledged is called with the stream's answer to an event.
func (t *jetStream) acknowledged(msg *nats.Msg) {
	n, err := strconv.ParseUint(msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:], 36, 64)
	if err != nil {
		return
	}
	r := answer(msg)
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.flights[n/flightSize]
	if f == nil || int(n%flightSize) >= len(f.results) {
		return // it was given up
	}
	f.answer = time.Now()
	f.settle(int(n%flightSize), r)
	if errors.Is(r.Err, errMissing) {
		t.info = nil // look again
	}
}

// errMissing says that no stream takes the subject of an event.
var errMissing = errors.New("no stream has taken the event")

// refusedError says that a stream does not take an event, with the server's reason.
type refusedError struct {
	stream string
	reason *jetstream.APIError
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("the stream %s does not take events: %s", e.stream, e.reason.Description)
}

func (e *refusedError) Unwrap() error { return e.reason }

// The codes of errors of a stream that concern one event.
const (
	codeTooLarge    = jetstream.JSErrCodeStreamMessageExceedsMaximum
	codeLargeHeader = 10097
	codeIDInProcess = 10158
	codeStore       = 10077
)

// noRoom are the error codes of an account or a server that has no room left: limits of the
// account, resources in general, memory, and storage.
var noRoom = [...]jetstream.ErrorCode{10002, 10023, 10028, 10047}

// answer returns what a stream's answer means.
func answer(msg *nats.Msg) Result {
	if len(msg.Data) == 0 {
		return unreachable(errMissing) // status 503
	}
	if bytes.HasPrefix(msg.Data, []byte(`{"stream":`)) && !bytes.Contains(msg.Data, []byte(`"duplicate"`)) && !bytes.Contains(msg.Data, []byte(`"error"`)) {
		return Result{Verdict: Done}
	}
	var a struct {
		jetstream.PubAck
		Error *jetstream.APIError `json:"error"`
	}
	switch err := json.Unmarshal(msg.Data, &a); {
	case err != nil || a.Error == nil && a.Stream == "":
		return unreachable(errors.New("the answer is not one of JetStream"))
	case a.Error == nil && a.Duplicate:
		return Result{Verdict: Known}
	case a.Error == nil:
		return Result{Verdict: Done}
	case a.Error.ErrorCode == codeTooLarge, a.Error.ErrorCode == codeLargeHeader:
		return Result{Verdict: Dead, Reason: "the stream refuses it: " + a.Error.Description}
	case a.Error.ErrorCode == codeIDInProcess:
		return Result{Verdict: Again, After: streamRetry, Reason: a.Error.Description}
	case slices.Contains(noRoom[:], a.Error.ErrorCode):
		return unreachable(&StreamError{Problem: StreamFull, Stream: a.Stream, Account: true, Detail: a.Error.Description})
	case a.Error.ErrorCode == codeStore && strings.HasPrefix(a.Error.Description, "maximum "):
		return unreachable(&StreamError{Problem: StreamFull, Stream: a.Stream, Detail: a.Error.Description})
	}
	return unreachable(&refusedError{a.Stream, a.Error})
}

// fault is called with errors of the connection that concern no single event. It passes a lack
// of permission on to those that wait for it.
func (t *jetStream) fault(conn *nats.Conn, err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	subject, subscribe := stream.Violation(err)
	problem := &StreamError{Problem: StreamPermission, Subject: subject, Subscribe: subscribe}
	t.mu.Lock()
	defer t.mu.Unlock()
	if subject == userInfo && t.asked != nil {
		t.asked()
		return
	}
	if !problem.Subscribe && strings.HasPrefix(subject, t.address.Name+".") {
		problem.Subject = t.address.Name + ".>"
		for _, f := range t.flights {
			for i, s := range f.subjects {
				if s == subject {
					f.settle(i, unreachable(problem))
				}
			}
		}
		return
	}
	for w := range t.watches {
		if w.request || problem.Subscribe {
			w.cancel(problem)
		}
	}
	if problem.Subscribe { // there will be no acknowledgements
		go conn.Close() // which waits for this function
	}
}
