//go:build !linux

package main

import (
	"net"
	"testing"
)

// holdPort returns an address of the loopback interface at which nothing
// listened just now.
func holdPort() (addr string, release func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	return l.Addr().String(), func() {}, l.Close()
}

// fullPort returns "": how to fill the queue of a port is known of Linux only.
func fullPort(*testing.T) string { return "" }
