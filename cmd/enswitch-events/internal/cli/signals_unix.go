//go:build unix

package cli

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// OnUSR1 calls tell at each SIGUSR1 until ctx is done, in a goroutine of running.
// A signal that comes after it has returned is not missed.
func OnUSR1(ctx context.Context, running *sync.WaitGroup, tell func()) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGUSR1)
	running.Go(func() {
		defer signal.Stop(ch)
		for {
			select {
			case <-ch:
				tell()
			case <-ctx.Done():
				return
			}
		}
	})
}
