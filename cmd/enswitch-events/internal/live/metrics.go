package live

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/metrics"
)

// openMetrics opens the port of --metrics, which is a port on loopback or BIND:PORT. It
// returns nil without one.
func (o *Options) openMetrics(ctx context.Context) (net.Listener, error) {
	if o.Buffer.metrics == "" {
		return nil, nil
	}
	bind, number := "127.0.0.1", o.Buffer.metrics
	if i := strings.LastIndexByte(number, ':'); i >= 0 {
		if number[:i] != "" {
			bind = strings.Trim(number[:i], "[]")
		}
		number = number[i+1:]
	}
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return nil, cli.Usage("write it like 9090 or 10.0.0.9:9090", "--metrics %q is no port", o.Buffer.metrics)
	}
	return cli.ListenTCP(ctx, &net.ListenConfig{}, bind, uint16(port), "--metrics 0", "--metrics BIND:PORT")
}

// serveMetrics serves the metrics of s until ctx is done, if a port is open.
func (s *session) serveMetrics(ctx context.Context, running *sync.WaitGroup) {
	if s.metrics == nil {
		return
	}
	url := "http://" + s.metrics.Addr().String() + "/metrics"
	s.a.Log.Info("metrics on "+url, "metrics", url)
	of := append([]metrics.Collector{s.collect}, s.collectors...)
	running.Go(func() { s.a.Guard(func() { metrics.Serve(ctx, s.metrics, s.ready, of...) }) })
}

// ready reports whether a source is connected or listening.
func (s *session) ready() bool {
	now := time.Now()
	return slices.ContainsFunc(s.feeds, func(f feed) bool {
		_, _, connected := f.health(now)
		return connected
	})
}

// collect adds the counts of the run to a page.
func (s *session) collect(p *metrics.Page) {
	l := s.buffer.Ledger()
	p.Counter("kept_total", "Events that the filters kept.", float64(l.Kept))
	p.Counter("filtered_total", "Events that the filters left out.", float64(l.Filtered))
	p.Counter("rejected_total", "What was received and is no event.", float64(l.Rejected))
	p.Counter("duplicates_total", "Events that another source had delivered before.", float64(l.Duplicates))
	p.Counter("gaps_total", "Times without a connection, or in which events were dropped.", float64(l.Gaps))
	p.Gauge("waiting_events", "Events that are received and not written yet.", float64(l.Waiting))
	dropped := map[string]int64{"buffer_full": l.Dropped}
	if s.droppedElsewhere != nil {
		s.droppedElsewhere(dropped)
	}
	for reason, n := range dropped {
		p.Counter("dropped_total", "Events dropped, by reason.", float64(n), "reason", reason)
	}
	for source, n := range s.received() {
		p.Counter("received_total", "Events received, by source.", float64(n), "source", source)
	}
	now := time.Now()
	for _, f := range s.feeds {
		_, address, connected := f.health(now)
		up := 0.0
		if connected {
			up = 1
		}
		p.Gauge("up", "1 if the source is connected or listening.", up, "source", address)
		p.Counter("reconnects_total", "Connections made again, by source.", float64(f.reconnects()), "source", address)
	}
	for machine, lag := range s.lags.snapshot() {
		p.Gauge("lag_seconds", "Time from the timestamp of a recent event to when it was received, by machine.", lag.Seconds(), "machine", machine)
	}
}

// received returns how many events came, by source.
func (s *session) received() map[string]int64 {
	by := map[string]int64{}
	for i, r := range s.buffer.Received() {
		source := strings.TrimPrefix(r.Source, "ws://")
		if i >= metrics.MaxValues {
			source = metrics.Other
		}
		by[source] += r.Events
	}
	return by
}
