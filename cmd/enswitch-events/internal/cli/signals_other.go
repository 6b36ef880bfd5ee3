//go:build !unix

package cli

import (
	"context"
	"sync"
)

// OnUSR1 does nothing: this system has no SIGUSR1.
func OnUSR1(context.Context, *sync.WaitGroup, func()) {}
