//go:build unix

package cli

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// OnUSR1 calls f at each SIGUSR1 until ctx is done, in a goroutine that it adds to
// running. Once it has returned, no signal is missed.
func OnUSR1(ctx context.Context, running *sync.WaitGroup, f func()) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGUSR1)
	running.Go(func() {
		defer signal.Stop(ch)
		for {
			select {
			case <-ch:
				f()
			case <-ctx.Done():
				return
			}
		}
	})
}
