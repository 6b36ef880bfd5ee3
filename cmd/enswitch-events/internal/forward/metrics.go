package forward

import (
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/metrics"
)

// Collectors returns the metrics of the targets.
func (t *Targets) Collectors() []metrics.Collector {
	return []metrics.Collector{t.latency.Collect, t.collect}
}

// collect adds the counts of the queues to a page.
func (t *Targets) collect(p *metrics.Page) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, f := range t.open {
		name, n, before := t.targets[i].name, f.Counts(), f.Before()
		oldest := 0.0
		if !n.Oldest.IsZero() {
			oldest = max(time.Since(n.Oldest).Seconds(), 0)
		}
		p.Counter("forwarded_total", "Events delivered, by target, in this run.", float64(n.Delivered-before.Delivered), "target", name)
		p.Counter("dead_total", "Events that became dead letters, by target, in this run.", float64(n.Dead-before.Dead), "target", name)
		p.Counter("already_there_total", "Events left out because the target had them, in this run.", float64(n.AlreadyThere-before.AlreadyThere), "target", name)
		p.Gauge("queue_events", "Events that wait in the queue, by target.", float64(n.Waiting), "target", name)
		p.Gauge("queue_bytes", "Size of the queue on disk, by target.", float64(n.Bytes), "target", name)
		p.Gauge("queue_oldest_seconds", "Age of the oldest event in the queue, by target.", oldest, "target", name)
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
