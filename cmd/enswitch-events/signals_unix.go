//go:build unix

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// onUSR1 calls tell at each SIGUSR1 until ctx is done.
func onUSR1(ctx context.Context, tell func()) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGUSR1)
	defer signal.Stop(ch)
	for {
		select {
		case <-ch:
			tell()
		case <-ctx.Done():
			return
		}
	}
}
