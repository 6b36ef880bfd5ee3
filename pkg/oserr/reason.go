package oserr

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// maxName is the largest size of a host name in a Reason, in bytes.
const maxName = 100

// Reason returns why a call of the network failed, in a few words such as "connection
// refused". It leaves out the operation and the addresses with which package net begins
// its texts: the caller says in its own words where it happened. err must not be nil.
func Reason(err error) string {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return lookup(e)
	}
	if text := reasonTLS(err); text != "" {
		return text
	}
	switch {
	case IsRefused(err):
		return "connection refused"
	case IsReset(err):
		return "connection reset"
	case IsNoRoute(err):
		return "no route to the host"
	case IsNoNetwork(err):
		return "the network is unreachable"
	case IsAddrInUse(err):
		return "the address is in use"
	case IsAddrNotAvailable(err):
		return "the address is not of this machine"
	}
	for {
		if e, ok := errors.AsType[*net.OpError](err); ok && e.Err != nil {
			err = e.Err
		} else if e, ok := errors.AsType[*os.SyscallError](err); ok {
			err = e.Err
		} else {
			return err.Error()
		}
	}
}

// lookup returns why a name could not be looked up.
func lookup(e *net.DNSError) string {
	name := e.Name[:min(len(e.Name), maxName)]
	switch {
	case e.IsNotFound:
		return fmt.Sprintf("no such host: %q", name)
	case e.IsTimeout:
		return fmt.Sprintf("the name %q could not be looked up in time", name)
	}
	return fmt.Sprintf("the name %q could not be looked up: %s", name, e.Err[:min(len(e.Err), maxName)])
}
