package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/post"
)

// The names of the checks of a port, in their order.
const (
	checkPort     = "port"
	checkURL      = "URL"
	checkPOST     = "POST"
	checkMachines = "machines"
	checkRefused  = "refused"
	checkAnswers  = "answers"
)

const (
	// lullTime is how long to wait for another machine after the last new one was heard from,
	// if the user has not named the machines.
	lullTime = 5 * time.Second
	// answerGood is how long an answer may take. The routing of a call waits for it.
	answerGood = 100 * time.Millisecond
)

// posts are the checks of the port.
type posts struct {
	d     *Doctor
	port  *live.Port
	token string // marks the POST of the doctor itself
	since time.Time
	heard machines

	mu       sync.Mutex
	refused  []string
	answers  int64
	slowest  time.Duration
	total    time.Duration
	expected []string // machines whose events came over the websocket
}

// listen opens the port and makes the checks that need no machine. The caller must call
// stop.
func (d *Doctor) listen(ctx context.Context, probe *live.Probe) (stop func()) {
	p := &posts{d: d, token: rand.Text()}
	begun := time.Now()
	var err error
	p.port, err = probe.OpenPort(ctx, &live.PortOptions{
		Post: post.Options{
			OnEvent:  p.add,
			OnReject: func(r post.Rejection) { p.heard.noEvent(r.Remote + ": " + r.Reason) },
		},
		OnRefused: p.refuse,
		Around:    p.timed,
	})
	if err != nil {
		failure, _ := errors.AsType[*cli.Error](cli.Failure(err))
		d.report.fail(checkPort, time.Since(begun), failure.Error(), failure)
		d.report.skip(checkURL, checkPOST, checkMachines)
		return func() {}
	}
	d.posts = p
	p.since = time.Now()
	serving, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.port.Serve(serving) // the POST says it
	}()
	d.report.add(check{Name: checkPort, Status: ok, Took: p.since.Sub(begun), Detail: "open"})
	p.urls()
	p.knock(ctx)
	return func() {
		cancel()
		<-done
	}
}

// urls reports the URLs to paste.
func (p *posts) urls() {
	detail := "paste into Enswitch's setting 'Send events to URL': " + strings.Join(p.shown(), " or ")
	if p.port.Loopback {
		detail += ", which only this machine reaches"
	}
	p.d.report.add(check{Name: checkURL, Status: ok, Detail: detail})
}

// shown returns the URLs with a redacted key.
func (p *posts) shown() []string {
	urls := slices.Clone(p.port.URLs)
	for i := range urls {
		if p.port.Authkey != "" {
			urls[i] += "?authkey=***"
		}
	}
	return urls
}

// add counts an event, and recognises the one that the doctor itself sent.
func (p *posts) add(ev event.Event) {
	var x event.Index
	if x.Scan(ev.Raw) == nil && string(x.Get(tokenField).Text()) == p.token {
		return
	}
	p.heard.add(ev, ev.Source)
}

// refuse keeps what is wrong with a request or a connection.
func (p *posts) refuse(text string, _ ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.refused) < maxListed {
		p.refused = append(p.refused, text)
	}
}

// timed returns a handler that measures how long h takes to answer.
func (p *posts) timed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get(tokenField) == p.token {
			h.ServeHTTP(w, r)
			return
		}
		begun := time.Now()
		h.ServeHTTP(w, r)
		took := time.Since(begun)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.answers++
		p.total += took
		p.slowest = max(p.slowest, took)
	})
}

// knock has another process POST to each of the URLs.
func (p *posts) knock(ctx context.Context) {
	for _, u := range p.port.URLs {
		query := url.Values{tokenField: {p.token}}
		if p.port.Authkey != "" {
			query.Set("authkey", p.port.Authkey)
		}
		p.d.progress(func() string { return "POST to " + u })
		begun := time.Now()
		answer, err := send(ctx, u+"?"+query.Encode(), p.token)
		took := time.Since(begun)
		c := check{Name: checkPOST, Status: ok, Took: answer.Took, Detail: "another process has sent an event to " + u + " and got the answer 200"}
		switch {
		case err != nil:
			c = check{checkPOST, warn, took, "the process that was to POST did not run: " + err.Error(), "curl -d class=test -d event=test '" + u + "' does the same"}
		case answer.Status == http.StatusForbidden:
			c.Status, c.Detail, c.Fix = warn, u+" refuses this machine", "--allow does not name its address; that may be as you want it"
		case answer.Reason != "":
			c.Status, c.Detail, c.Fix = warn, u+": "+answer.Reason, "is the address one of this machine, and does its firewall let the port through?"
		}
		p.d.report.add(c)
	}
}

// expect names the machines whose events came over the websocket.
func (p *posts) expect(names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range names {
		if !slices.Contains(p.expected, name) {
			p.expected = append(p.expected, name)
		}
	}
}

// missing returns the machines that are expected and not heard from.
func (p *posts) missing() []string {
	names := p.heard.names()
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.expected), func(name string) bool { return slices.Contains(names, name) })
}

// finish waits for POSTs of the machines and reports them.
func (p *posts) finish(ctx context.Context) {
	p.d.progress(func() string {
		left := p.d.Wait - time.Since(p.since)
		return fmt.Sprintf("waiting for POSTs for another %v", max(0, left.Round(time.Second)))
	})
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !p.enough() {
		select {
		case <-ctx.Done():
		case <-tick.C:
			continue
		}
		break
	}
	p.machines()
}

// enough reports whether there is nothing more to wait for.
func (p *posts) enough() bool {
	first, newest := p.heard.seen()
	switch {
	case time.Since(p.since) >= p.d.Wait:
		return true
	case first.IsZero():
		return false
	case len(p.expected) > 0:
		return len(p.missing()) == 0
	}
	return time.Since(newest) >= lullTime
}

// machines reports which machines were heard from, and how fast they got their answers.
func (p *posts) machines() {
	first, _ := p.heard.seen()
	waited := time.Since(p.since)
	p.mu.Lock()
	refused, answers, total, slowest := p.refused, p.answers, p.total, p.slowest
	p.mu.Unlock()
	if first.IsZero() {
		p.none(waited, refused)
		return
	}
	if len(refused) > 0 {
		p.d.report.add(check{Name: checkRefused, Status: warn, Detail: strings.Join(refused, "; "), Fix: refusedFix})
	}
	c := check{Name: checkMachines, Status: ok, Took: first.Sub(p.since), Detail: "heard from " + p.list()}
	if missing := p.missing(); len(missing) > 0 {
		slices.SortFunc(missing, byNumber)
		c.Status = warn
		c.Detail += "; not from " + strings.Join(shortened(missing), ", ") + ", whose events came over the websocket"
		c.Fix = "each machine sends its own events: can these reach the URL? --wait waits longer"
	}
	p.d.report.add(c)
	c = check{
		Name: checkAnswers, Status: ok, Took: total / time.Duration(max(1, answers)),
		Detail: fmt.Sprintf("%s answered, the slowest in %s", cli.Plural(answers, "POST"), duration(max(1, slowest))),
	}
	if slowest > answerGood {
		c.Status, c.Fix = warn, "Enswitch waits for the answer while it routes a call: give this machine less to do"
	}
	p.d.report.add(c)
	if clock, known := p.heard.clock(); known && !p.d.clocked {
		p.d.report.add(clock)
	}
}

// list returns the machines heard from, with their addresses.
func (p *posts) list() string {
	names := p.heard.names()
	p.heard.mu.Lock()
	defer p.heard.mu.Unlock()
	if len(names) == 0 {
		return strings.Join(p.heard.known[""].senders, ", ") + ", without the number of a machine"
	}
	var all []string
	for _, name := range names {
		all = append(all, "machine "+name+" ("+strings.Join(p.heard.known[name].senders, ", ")+")")
	}
	return strings.Join(shortened(all), ", ")
}

// refusedFix is what to try if POSTs were refused.
const refusedFix = "compare the URL in Enswitch with the one above: scheme, path and key; --allow says which addresses may send"

// none reports that no machine has POSTed an event; refused is why others were refused.
func (p *posts) none(waited time.Duration, refused []string) {
	detail := "no machine has POSTed an event within " + cli.RoundDuration(waited).String()
	fix := "paste the URL into Enswitch's setting 'Send events to URL'" + settingPlace + ", and make a call\n" +
		"each machine sends its own events: all of them must reach the URL, also through the firewall of this machine\n"
	if p.port.Loopback {
		fix += "only this machine reaches a port of the loopback interface: --listen 0.0.0.0:PORT is for all"
	} else {
		fix += "--wait waits longer"
	}
	p.heard.mu.Lock()
	rejected, why := p.heard.rejected, p.heard.why
	p.heard.mu.Unlock()
	switch {
	case len(refused) > 0:
		detail, fix = "POSTs came and were refused: "+strings.Join(refused, "; "), refusedFix
	case rejected > 0:
		detail = fmt.Sprintf("%s came within %v, and no event: %s", cli.Plural(rejected, "POST"), cli.RoundDuration(waited), why)
		fix = "does something else than Enswitch send them?"
	}
	if p.d.interrupted() {
		detail = "interrupted: no machine has POSTed an event so far, after " + cli.RoundDuration(waited).String()
	}
	if p.d.interrupted() || len(p.expected) > 0 {
		p.d.report.add(check{checkMachines, warn, waited, detail, fix})
		return
	}
	p.d.report.fail(checkMachines, waited, detail, cli.NewError(cli.ExitTime, errors.New(detail), fix))
}
