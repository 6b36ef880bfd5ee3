package main

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
)

// fullPort returns an address that takes no connection and refuses none, as behind a
// firewall that drops packets: its queue of connections is full.
func fullPort(t *testing.T) string {
	t.Helper()
	socket := func() int {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Close(fd) })
		return fd
	}
	fd := socket()
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := bound.(*syscall.SockaddrInet4)
	for range 4 {
		_ = syscall.Connect(socket(), at) // it goes on by itself
	}
	return fmt.Sprintf("127.0.0.1:%d", at.Port)
}
