//go:build !unix

package main

import (
	"context"
	"sync"
)

// onUSR1 does nothing: there is no such signal here.
func onUSR1(context.Context, *sync.WaitGroup, func()) {}
