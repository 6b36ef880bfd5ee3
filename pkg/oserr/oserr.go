// Package oserr says what an error of the operating system means. package syscall
// has the names of Unix on Windows too, but as numbers that no call there returns.
package oserr

import (
	"errors"
	"io"
	"syscall"
)

// IsClosedPipe reports whether the reader of a pipe, or the other side of a
// connection that was written to, has gone.
func IsClosedPipe(err error) bool { return is(err, closedPipe) || errors.Is(err, io.ErrClosedPipe) }

// IsDiskFull reports whether there is no room for what was to be written.
func IsDiskFull(err error) bool { return is(err, diskFull) }

// IsReset reports whether the other side has broken the connection off.
func IsReset(err error) bool { return is(err, reset) }

// IsRefused reports whether nothing listens where a connection was to be made.
func IsRefused(err error) bool { return is(err, refused) }

// IsTimedOut reports whether TCP has given up.
func IsTimedOut(err error) bool { return is(err, timedOut) }

// IsNoRoute reports whether there is no way to the host.
func IsNoRoute(err error) bool { return is(err, noRoute) }

// IsNoNetwork reports whether there is no way to the network.
func IsNoNetwork(err error) bool { return is(err, noNetwork) }

// IsAddrInUse reports whether something else listens on the address.
func IsAddrInUse(err error) bool { return is(err, addrInUse) }

// IsAddrNotAvailable reports whether the address is none of this machine.
func IsAddrNotAvailable(err error) bool { return is(err, addrNotAvailable) }

func is(err error, meaning []syscall.Errno) bool {
	for _, n := range meaning {
		if errors.Is(err, n) {
			return true
		}
	}
	return false
}
