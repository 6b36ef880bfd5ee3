package live

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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
	of := append([]prometheus.Collector{newCollector(s)}, s.collectors...)
	running.Go(func() { metrics.Serve(ctx, s.metrics, s.ready, of...) })
}

// ready reports whether a source is connected or listening.
func (s *session) ready() bool {
	now := time.Now()
	return slices.ContainsFunc(s.feeds, func(f feed) bool {
		_, _, connected := f.health(now)
		return connected
	})
}

// collector makes metrics of the counts of a run.
type collector struct {
	s *session

	received, kept, filtered, rejected, dropped, duplicates, gaps, waiting, reconnects, up, lag *prometheus.Desc
}

func newCollector(s *session) *collector {
	return &collector{
		s:          s,
		received:   metrics.Desc("received_total", "Events received, by source.", "source"),
		kept:       metrics.Desc("kept_total", "Events that the filters kept."),
		filtered:   metrics.Desc("filtered_total", "Events that the filters left out."),
		rejected:   metrics.Desc("rejected_total", "What was received and is no event."),
		dropped:    metrics.Desc("dropped_total", "Events dropped, by reason.", "reason"),
		duplicates: metrics.Desc("duplicates_total", "Events that another source had delivered before."),
		gaps:       metrics.Desc("gaps_total", "Times without a connection, or in which events were dropped."),
		waiting:    metrics.Desc("waiting_events", "Events that are received and not written yet."),
		reconnects: metrics.Desc("reconnects_total", "Connections made again, by source.", "source"),
		up:         metrics.Desc("up", "1 if the source is connected or listening.", "source"),
		lag:        metrics.Desc("lag_seconds", "Time from the timestamp of a recent event to when it was received, by machine.", "machine"),
	}
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.received, c.kept, c.filtered, c.rejected, c.dropped, c.duplicates, c.gaps, c.waiting, c.reconnects, c.up, c.lag} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	l := c.s.buffer.Ledger()
	metrics.Counter(ch, c.kept, float64(l.Kept))
	metrics.Counter(ch, c.filtered, float64(l.Filtered))
	metrics.Counter(ch, c.rejected, float64(l.Rejected))
	metrics.Counter(ch, c.duplicates, float64(l.Duplicates))
	metrics.Counter(ch, c.gaps, float64(l.Gaps))
	metrics.Gauge(ch, c.waiting, float64(l.Waiting))
	dropped := map[string]int64{"buffer_full": l.Dropped}
	if c.s.droppedElsewhere != nil {
		c.s.droppedElsewhere(dropped)
	}
	for reason, n := range dropped {
		metrics.Counter(ch, c.dropped, float64(n), reason)
	}
	other := int64(0)
	for i, r := range c.s.buffer.Received() {
		if i >= metrics.MaxValues || r.Source == metrics.Other {
			other += r.Events
			continue
		}
		metrics.Counter(ch, c.received, float64(r.Events), strings.ToValidUTF8(strings.TrimPrefix(r.Source, "ws://"), "\uFFFD"))
	}
	if other > 0 {
		metrics.Counter(ch, c.received, float64(other), metrics.Other)
	}
	now := time.Now()
	for _, f := range c.s.feeds {
		_, address, connected := f.health(now)
		up := 0.0
		if connected {
			up = 1
		}
		metrics.Gauge(ch, c.up, up, address)
		metrics.Counter(ch, c.reconnects, float64(f.reconnects()), address)
	}
	for machine, lag := range c.s.lags.snapshot() {
		metrics.Gauge(ch, c.lag, lag.Seconds(), machine)
	}
}
