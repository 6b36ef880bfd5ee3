package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/report"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// Posts POSTs events and counts the results. It is nil without --post, and its methods
// then do nothing.
type Posts struct {
	url      string
	senders  *enswitchtest.Senders // nil before Open
	failures *report.Sampler
	queued   int64

	mu           sync.Mutex
	done, failed int64
	first        *enswitchtest.PostError // nil if there is none
}

// Done counts a POST that has ended, with err if it failed. It is safe for concurrent
// use.
func (p *Posts) Done(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if err != nil {
		p.failed++
		p.failures.Add(err.Error())
		if e, ok := errors.AsType[*enswitchtest.PostError](err); ok {
			p.first = cmp.Or(p.first, e)
		}
	}
}

// Open starts a sender for Send. There is one, so that the events arrive in order. The
// caller must Close p.
func (p *Posts) Open() {
	if p != nil {
		p.senders = enswitchtest.NewSenders(&enswitchtest.Poster{URL: p.url}, 1, p.Done)
	}
}

// Send queues an event. It waits for room in the queue until ctx is done.
func (p *Posts) Send(ctx context.Context, raw []byte) {
	if p != nil && p.senders.Send(ctx, raw) == nil { // the only error is that ctx is done
		p.queued++
	}
}

// AddQueued counts n POSTs that others than Send have queued.
func (p *Posts) AddQueued(n int64) {
	if p != nil {
		p.queued += n
	}
}

// Close waits until the queue is empty or ctx is done. If over, the time of the run is
// up, and it waits no longer than one POST may take.
func (p *Posts) Close(ctx context.Context, over bool) {
	if p == nil {
		return
	}
	if over {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, enswitchtest.PostTimeout)
		defer cancel()
	}
	p.senders.Close(ctx)
}

// Summary returns the results as text to append to the count of events. It logs how
// often each failure came, so it must be called once, at the end.
func (p *Posts) Summary() string {
	if p == nil {
		return ""
	}
	p.failures.LogTotals()
	msg := fmt.Sprintf(", %s failed", cli.Plural(p.failed, "POST"))
	if left := p.queued - p.done; left > 0 {
		msg += fmt.Sprintf(", %s not sent", humanize.Comma(left))
	}
	return msg
}

// Attrs returns the results as attributes for the log.
func (p *Posts) Attrs() []any {
	if p == nil {
		return nil
	}
	return []any{"failed_posts", p.failed, "unsent_posts", p.queued - p.done}
}

// Failure returns an error if a POST failed, or nil.
func (p *Posts) Failure() error {
	if p == nil || p.failed == 0 {
		return nil
	}
	err := fmt.Errorf("%s failed", cli.Plural(p.failed, "POST"))
	hint := "is the URL right, and is something listening there?"
	if p.first != nil {
		err = fmt.Errorf("%w: %s", err, p.first.Reason)
		switch p.first.Status {
		case 0:
		case http.StatusUnauthorized, http.StatusForbidden:
			hint = "the receiver may want its key in the URL, as http://HOST:PORT/?authkey=KEY, or not take this address"
		default:
			hint = "are the path and the scheme of the URL right?"
		}
	}
	return cli.NewError(cli.ExitFailure, err, hint)
}
