//go:build !unix

package cli

import (
	"context"
	"sync"
)

// OnUSR1 does nothing: there is no such signal here.
func OnUSR1(context.Context, *sync.WaitGroup, func()) {}
