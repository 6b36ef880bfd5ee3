package live

import (
	"fmt"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
)

// dropLog warns of dropped events, once a second at most. It is safe for concurrent use.
type dropLog struct {
	warn func(msg string, args ...any)

	mu      sync.Mutex
	beganAt time.Time // of the last warning that events are dropped
	endedAt time.Time // of the last warning with a number
	sum     engine.Gap
}

const dropLogInterval = time.Second

func (d *dropLog) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.beganAt) >= dropLogInterval {
		d.beganAt = time.Now()
		d.warn("events come faster than they can be filtered and written, and --buffer and --spill are full: dropping events")
	}
}

func (d *dropLog) end(g engine.Gap) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sum.Dropped == 0 {
		d.sum = g
	} else {
		d.sum.Dropped += g.Dropped
		d.sum.To = g.To
	}
	if time.Since(d.endedAt) >= dropLogInterval {
		d.flush()
	}
}

// flush warns of the events that have been dropped since the last warning. d.mu is held.
func (d *dropLog) flush() {
	if g := d.sum; g.Dropped > 0 {
		d.warn(fmt.Sprintf("dropped %s between %s and %s", cli.Plural(g.Dropped, "event"), cli.TimeOfDay(g.From), cli.TimeOfDay(g.To)),
			"dropped", g.Dropped, "from", g.From, "to", g.To)
		d.sum, d.endedAt = engine.Gap{}, time.Now()
	}
}
