package forward

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/metrics"
)

// collector makes metrics of the queues.
type collector struct {
	t *Targets

	forwarded, dead, known, events, bytes, oldest *prometheus.Desc
}

// Collectors returns the metrics of the targets.
func (t *Targets) Collectors() []prometheus.Collector {
	return []prometheus.Collector{t.latency, &collector{
		t:         t,
		forwarded: metrics.Desc("forwarded_total", "Events delivered, by target, in this run.", "target"),
		dead:      metrics.Desc("dead_total", "Events that became dead letters, by target, in this run.", "target"),
		known:     metrics.Desc("already_there_total", "Events left out because the target had them, in this run.", "target"),
		events:    metrics.Desc("queue_events", "Events that wait in the queue, by target.", "target"),
		bytes:     metrics.Desc("queue_bytes", "Size of the queue on disk, by target.", "target"),
		oldest:    metrics.Desc("queue_oldest_seconds", "Age of the oldest event in the queue, by target.", "target"),
	}}
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.forwarded, c.dead, c.known, c.events, c.bytes, c.oldest} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	for i, f := range c.t.open {
		name, n, before := c.t.targets[i].name, f.Counts(), f.Before()
		metrics.Counter(ch, c.forwarded, float64(n.Delivered-before.Delivered), name)
		metrics.Counter(ch, c.dead, float64(n.Dead-before.Dead), name)
		metrics.Counter(ch, c.known, float64(n.AlreadyThere-before.AlreadyThere), name)
		metrics.Gauge(ch, c.events, float64(n.Waiting), name)
		metrics.Gauge(ch, c.bytes, float64(n.Bytes), name)
		oldest := 0.0
		if !n.Oldest.IsZero() {
			oldest = max(time.Since(n.Oldest).Seconds(), 0)
		}
		metrics.Gauge(ch, c.oldest, oldest, name)
	}
}

// Dropped adds to a map by reason how many events the queues have dropped in this run.
func (t *Targets) Dropped(by map[string]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.logs {
		l.mu.Lock()
		for reason, n := range l.byReason {
			by[string(reason)] += n
		}
		l.mu.Unlock()
	}
}
