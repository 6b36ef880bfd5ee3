//go:build !unix

package main

import "context"

// onUSR1 waits until ctx is done: there is no such signal here.
func onUSR1(ctx context.Context, _ func()) { <-ctx.Done() }
