//go:build !linux

package main

import "testing"

// fullPort returns "": how to fill the queue of a port is known of Linux only.
func fullPort(*testing.T) string { return "" }
