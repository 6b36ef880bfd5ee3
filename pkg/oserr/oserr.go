// Package oserr tells what an error of the operating system means, on every system.
// Package syscall has the names of Unix on Windows too, but with numbers that no call
// there returns, so errors.Is(err, syscall.ECONNREFUSED) is false there.
package oserr

import (
	"errors"
	"io"
	"syscall"
)

// IsClosedPipe reports whether a write failed because the reader of the pipe, or the
// other side of the connection, has gone.
func IsClosedPipe(err error) bool { return is(err, closedPipe) || errors.Is(err, io.ErrClosedPipe) }

// IsDiskFull reports whether a write failed for lack of space: of the disk, or because the user
// or the process (ulimit -f) may not have more of it.
func IsDiskFull(err error) bool { return is(err, diskFull) }

// IsReset reports whether the other side has reset the connection.
func IsReset(err error) bool { return is(err, reset) }

// IsRefused reports whether the connection was refused: nothing listens there.
func IsRefused(err error) bool { return is(err, refused) }

// IsTimedOut reports whether TCP gave up waiting for the other side.
func IsTimedOut(err error) bool { return is(err, timedOut) }

// IsNoRoute reports whether there is no route to the host.
func IsNoRoute(err error) bool { return is(err, noRoute) }

// IsNoNetwork reports whether there is no route to the network of the host.
func IsNoNetwork(err error) bool { return is(err, noNetwork) }

// IsAddrInUse reports whether another socket has the address.
func IsAddrInUse(err error) bool { return is(err, addrInUse) }

// IsAddrNotAvailable reports whether the address is not one of this machine.
func IsAddrNotAvailable(err error) bool { return is(err, addrNotAvailable) }

func is(err error, meaning []syscall.Errno) bool {
	for _, n := range meaning {
		if errors.Is(err, n) {
			return true
		}
	}
	return false
}
