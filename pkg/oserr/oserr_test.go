package oserr

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

// TestMeanings: each number means one thing, wrapped as the standard library wraps
// it.
func TestMeanings(t *testing.T) {
	all := []struct {
		name    string
		is      func(error) bool
		numbers []syscall.Errno
	}{
		{"closed pipe", IsClosedPipe, closedPipe},
		{"disk full", IsDiskFull, diskFull},
		{"reset", IsReset, reset},
		{"refused", IsRefused, refused},
		{"timed out", IsTimedOut, timedOut},
		{"no route", IsNoRoute, noRoute},
		{"no network", IsNoNetwork, noNetwork},
		{"address in use", IsAddrInUse, addrInUse},
		{"address not available", IsAddrNotAvailable, addrNotAvailable},
		{"TLS version", IsTLSVersion, nil},
	}
	for _, a := range all {
		for _, n := range a.numbers {
			for _, err := range []error{
				n, &os.PathError{Op: "write", Path: "x", Err: n}, fmt.Errorf("x: %w", os.NewSyscallError("write", n)),
				&net.OpError{Op: "read", Err: os.NewSyscallError("read", n)},
			} {
				for _, b := range all {
					if b.is(err) != (a.name == b.name) {
						t.Errorf("%v (%d): %s is %t", err, n, b.name, b.is(err))
					}
				}
			}
		}
		if a.is(nil) || a.is(errors.New("another")) {
			t.Errorf("%s: true of what it is not", a.name)
		}
	}
	if !IsClosedPipe(io.ErrClosedPipe) {
		t.Error("io.ErrClosedPipe is no closed pipe")
	}
}

// TestRefused is a connection that the system itself refuses.
func TestRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if _, err := net.Listen("tcp", addr); !IsAddrInUse(err) {
		t.Errorf("a port that is taken: %v", err)
	}
	l.Close()
	if _, err := net.Dial("tcp", addr); !IsRefused(err) {
		t.Errorf("a port that is closed: %v", err)
	}
}

// TestClosedPipe is a pipe whose reader has gone.
func TestClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	if _, err := w.Write([]byte("x")); !IsClosedPipe(err) {
		t.Errorf("a pipe without a reader: %v", err)
	}
}

// TestReason: the reason has neither the operation nor the addresses.
func TestReason(t *testing.T) {
	wrap := func(err error) error {
		return fmt.Errorf("x: %w", &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{Port: 1}, Err: os.NewSyscallError("connect", err)})
	}
	for want, err := range map[string]error{
		"connection refused":                          wrap(refused[0]),
		"connection reset":                            wrap(reset[0]),
		"no route to the host":                        wrap(noRoute[0]),
		"the network is unreachable":                  wrap(noNetwork[0]),
		"the address is in use":                       wrap(addrInUse[0]),
		"the address is not of this machine":          wrap(addrNotAvailable[0]),
		"another":                                     errors.New("another"),
		`no such host: "h"`:                           wrap(&net.DNSError{Name: "h", IsNotFound: true}),
		`the name "h" could not be looked up in time`: &net.DNSError{Name: "h", IsTimeout: true},
		`the name "h" could not be looked up: server misbehaving`: &net.DNSError{Name: "h", Err: "server misbehaving"},
	} {
		if got := Reason(err); got != want {
			t.Errorf("%v: %s; want %s", err, got, want)
		}
	}
}
