package live

import (
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/metrics"
)

// lags has for each machine how long after its timestamp a recent event was received. It is
// safe for concurrent use.
type lags struct {
	mu  sync.Mutex
	all map[string]time.Duration
}

// note notes the lag of an event.
func (l *lags) note(e *engine.Event) {
	usec, ok := e.X.Field("timestamp").Timestamp()
	if !ok || e.Received.IsZero() {
		return
	}
	machine := strings.ToValidUTF8(string(e.X.Field("machine").AppendText(nil)), "\uFFFD")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]time.Duration{}
	}
	if _, known := l.all[machine]; !known && (len(l.all) >= metrics.MaxValues || len(machine) > 64) {
		machine = metrics.Other
	}
	l.all[machine] = e.Received.Sub(time.UnixMicro(usec))
}

// snapshot returns a copy of the lags by machine.
func (l *lags) snapshot() map[string]time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.all)
}
