package enswitchtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// PostTimeout bounds one POST, the look-up of the name and the answer
// included. How long a real cluster waits is not known.
const PostTimeout = 5 * time.Second

// Form turns an event in JSON into the body that an Enswitch machine would
// POST: application/x-www-form-urlencoded, the fields in the order of the
// event, repeated ones too, all values as text; arrays and objects as their
// JSON. It returns an [*event.Error] for what is no event. The body is the
// caller's.
func Form(raw []byte) (body []byte, err error) {
	var x event.Index
	if err := x.Scan(raw); err != nil {
		return nil, err
	}
	for i := range x.Len() {
		if i > 0 {
			body = append(body, '&')
		}
		body = append(body, url.QueryEscape(string(x.Key(i).Text()))...)
		body = append(body, '=')
		body = append(body, url.QueryEscape(string(x.Value(i).Text()))...)
	}
	return body, nil
}

// Poster POSTs events as the machines of a cluster do, one request an event.
// It may be used by several goroutines.
type Poster struct {
	// URL is where to POST. A key in it is never part of an error.
	URL string
	// Client sends the requests, http.DefaultClient if nil. Redirects are not
	// followed, whatever it says, so that the key stays with its host.
	Client *http.Client
	// Slow is how long after its header the body of a request is sent.
	// PostTimeout begins then.
	Slow time.Duration
}

// Post sends one event and waits for the reply, as the routing of a call does,
// for PostTimeout at most. The reply's body is ignored. A status that is not
// 2xx is an error, so that a test sees a refusal; an Enswitch machine would
// ignore it.
func (p *Poster) Post(ctx context.Context, raw []byte) error {
	body, err := Form(raw)
	if err != nil {
		return fmt.Errorf("not an event: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, PostTimeout+p.Slow)
	defer cancel()
	var reader io.Reader = bytes.NewReader(body)
	if p.Slow > 0 {
		reader = &lateReader{ctx, p.Slow, reader}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, reader)
	if err != nil {
		return errors.New("post: bad url") // the error would quote it, key and all
	}
	req.ContentLength = int64(len(body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := *cmp.Or(p.Client, http.DefaultClient)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL
		}
		return fmt.Errorf("post to %s: %w", req.URL.Host, err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // read to the end, a connection is kept
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("post to %s: answered with status %d", req.URL.Host, resp.StatusCode)
	}
	return nil
}

// lateReader waits before its first byte.
type lateReader struct {
	ctx  context.Context //nolint:containedctx // of the request that it is the body of
	wait time.Duration
	r    io.Reader
}

func (l *lateReader) Read(p []byte) (int, error) {
	if l.wait > 0 {
		t := time.NewTimer(l.wait)
		defer t.Stop()
		select {
		case <-t.C:
			l.wait = 0
		case <-l.ctx.Done():
			return 0, l.ctx.Err()
		}
	}
	return l.r.Read(p)
}
