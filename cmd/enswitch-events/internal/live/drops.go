package live

import (
	"fmt"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
)

// drops says that events were dropped, once a second at most.
type drops struct {
	say func(msg string, args ...any)

	mu    sync.Mutex
	begun time.Time // when it was said that events are dropped
	ended time.Time // when it was said how many
	sum   engine.Gap
}

const dropsApart = time.Second

func (d *drops) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.begun) >= dropsApart {
		d.begun = time.Now()
		d.say("events come faster than they can be filtered and written, and --buffer and --spill are full: dropping events")
	}
}

func (d *drops) end(g engine.Gap) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sum.Dropped == 0 {
		d.sum = g
	} else {
		d.sum.Dropped += g.Dropped
		d.sum.To = g.To
	}
	if time.Since(d.ended) >= dropsApart {
		d.flush()
	}
}

// flush says what has not been said.
func (d *drops) flush() {
	if g := d.sum; g.Dropped > 0 {
		d.say(fmt.Sprintf("dropped %s between %s and %s", cli.Plural(g.Dropped, "event"), cli.Clock(g.From), cli.Clock(g.To)),
			"dropped", g.Dropped, "from", g.From, "to", g.To)
		d.sum, d.ended = engine.Gap{}, time.Now()
	}
}
