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

// posts is the account of what is POSTed. Without a URL it is nil.
type posts struct {
	Senders *enswitchtest.Senders // of replay
	faults  *report.Sampler
	Queued  int64

	mu           sync.Mutex
	done, failed int64
	first        *enswitchtest.PostError // nil if there is none
}

// Told is told of each POST.
func (p *posts) Told(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if err != nil {
		p.failed++
		p.faults.Add(err.Error())
		if e, ok := errors.AsType[*enswitchtest.PostError](err); ok {
			p.first = cmp.Or(p.first, e)
		}
	}
}

func (p *posts) Send(ctx context.Context, raw []byte) {
	if p != nil && p.Senders.Send(ctx, raw) == nil { // else everything ends
		p.Queued++
	}
}

// Close waits for what is to be sent until ctx ends. Where time has run out,
// which is what over says, it does not wait longer than for one POST.
func (p *posts) Close(ctx context.Context, over bool) {
	if p == nil {
		return
	}
	if over {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, enswitchtest.PostTimeout)
		defer cancel()
	}
	p.Senders.Close(ctx)
}

// Summary is what to add to the count of events, once all has ended.
func (p *posts) Summary() string {
	if p == nil {
		return ""
	}
	p.faults.Sum()
	msg := fmt.Sprintf(", %s failed", cli.Plural(p.failed, "POST"))
	if left := p.Queued - p.done; left > 0 {
		msg += fmt.Sprintf(", %s not sent any more", humanize.Comma(left))
	}
	return msg
}

func (p *posts) Attrs() []any {
	if p == nil {
		return nil
	}
	return []any{"failed_posts", p.failed, "unsent_posts", p.Queued - p.done}
}

func (p *posts) Failure() error {
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
