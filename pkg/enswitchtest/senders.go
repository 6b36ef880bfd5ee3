package enswitchtest

import (
	"context"
	"slices"
	"sync"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// waitingPosts is how many events may wait for one sender.
const waitingPosts = 1024

// Senders POST events beside whatever else is done with them, so that a slow
// receiver of POSTs holds up nothing but POSTs.
type Senders struct {
	ctx     context.Context //nolint:containedctx // of the goroutines, which Close ends
	cancel  context.CancelFunc
	poster  *Poster
	done    func(err error)
	queues  []chan []byte
	running sync.WaitGroup
	x       event.Index
}

// NewSenders starts n senders: one, which keeps the order of all events, or as
// many as the cluster has machines. Then the events of one machine, by their
// field machine, are sent one after the other and beside those of the others,
// as by real machines. done is told of each event that was sent, with the error
// of [Poster.Post]; n senders may call it at the same time. The caller ends them
// with Close.
func NewSenders(p *Poster, n int, done func(err error)) *Senders {
	s := &Senders{poster: p, done: done}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for range max(n, 1) {
		q := make(chan []byte, waitingPosts)
		s.queues = append(s.queues, q)
		s.running.Go(func() {
			for raw := range q {
				if s.ctx.Err() != nil {
					continue
				}
				if err := s.poster.Post(s.ctx, raw); err == nil || s.ctx.Err() == nil {
					s.done(err)
				}
			}
		})
	}
	return s
}

// Send queues a copy of an event. While 1,024 wait for the same sender it waits,
// until ctx ends, and returns the context's error. It is for one goroutine.
func (s *Senders) Send(ctx context.Context, raw []byte) error {
	n := 0
	if len(s.queues) > 1 && s.x.Scan(raw) == nil {
		for _, c := range s.x.Get("machine").Text() {
			n = (n*10 + int(c&15)) % len(s.queues)
		}
	}
	select {
	case s.queues[n] <- slices.Clone(raw):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close waits until all that was queued has been sent. When ctx ends first the
// POSTs under way are broken off and the rest is not sent; done is not told of
// these. No Send may follow.
func (s *Senders) Close(ctx context.Context) {
	for _, q := range s.queues {
		close(q)
	}
	stop := context.AfterFunc(ctx, s.cancel)
	s.running.Wait()
	stop()
	s.cancel()
}
