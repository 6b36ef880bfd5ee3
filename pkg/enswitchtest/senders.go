package enswitchtest

import (
	"context"
	"slices"
	"sync"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// waitingPosts is the number of events that may wait for one sender.
const waitingPosts = 1024

// Senders POST events in the background, so that a slow receiver delays only the POSTs.
type Senders struct {
	ctx     context.Context //nolint:containedctx // of the goroutines, which Close ends
	cancel  context.CancelFunc
	poster  *Poster
	onPost  func(err error)
	queues  []chan []byte
	running sync.WaitGroup
	x       event.Index
}

// NewSenders starts n senders. One keeps the order of all events. With as many as the
// cluster has machines, the events of one machine, according to the field machine, are
// sent in order, and at the same time as those of the others, as real machines do. onPost gets the
// result of [Poster.Post] for each event sent; the senders call it at the same time. Call
// Close when done.
func NewSenders(p *Poster, n int, onPost func(err error)) *Senders {
	s := &Senders{poster: p, onPost: onPost}
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
					s.onPost(err)
				}
			}
		})
	}
	return s
}

// Send queues a copy of an event. If 1,024 events wait for the same sender, Send waits,
// too; if ctx ends meanwhile, it returns the error of ctx. It must be called from one
// goroutine at a time.
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

// Close waits until all queued events have been sent. If ctx ends first, it cancels the
// running POSTs and does not send the rest; onPost does not get these. No Send may
// follow.
func (s *Senders) Close(ctx context.Context) {
	for _, q := range s.queues {
		close(q)
	}
	stop := context.AfterFunc(ctx, s.cancel)
	s.running.Wait()
	stop()
	s.cancel()
}
