//go:build !linux

package streamtest

import "net"

// HoldPort returns an address of the loopback interface at which nothing
// listened just now.
func HoldPort() (addr string, release func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	return l.Addr().String(), func() {}, l.Close()
}
