package live

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// What goes to systemd by sd_notify. Without systemd nothing does.

// watchdog tells systemd that the program works as long as the engine's loop runs, which moves
// the events.
type watchdog struct {
	every time.Duration // 0 without a watchdog
	turns atomic.Int64
}

// newWatchdog returns the watchdog that the unit of this process asks for.
func newWatchdog() *watchdog {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return &watchdog{}
	}
	return &watchdog{every: limit / 3}
}

// turn is called by the engine's loop.
func (w *watchdog) turn() { w.turns.Add(1) }

// notify tells systemd that the run has begun, and then notifies the watchdog until ctx is
// done. Poke makes the loop run once.
func (w *watchdog) notify(ctx context.Context, running *sync.WaitGroup, poke func()) {
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady) // false without systemd
	context.AfterFunc(ctx, func() { _, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) })
	if w.every <= 0 {
		return
	}
	running.Go(func() {
		t := time.NewTicker(w.every)
		defer t.Stop()
		for before := int64(-1); ; {
			if now := w.turns.Load(); now != before {
				before = now
				_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
			}
			poke()
			select {
			case <-t.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

// takeActivated makes the port that systemd has opened that of o: its address says whether
// POSTs need a key.
func (o *Receiver) takeActivated() {
	l := activated()
	if l == nil {
		return
	}
	if at, ok := l.Addr().(*net.TCPAddr); ok {
		o.activated, o.Bind, o.Port = l, at.IP.String(), uint16(at.Port)
	}
}

// activated returns the port that systemd has opened for this process, nil if it has not:
// the socket of a unit, which stays open while the program is started again.
func activated() net.Listener {
	all, err := activation.Listeners()
	if err != nil {
		return nil
	}
	var first net.Listener
	for _, l := range all {
		switch {
		case l == nil:
		case first == nil && l.Addr().Network() == "tcp":
			first = l
		default:
			_ = l.Close()
		}
	}
	return first
}
