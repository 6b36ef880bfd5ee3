//go:build !windows

package oserr

import "syscall"

var (
	closedPipe       = []syscall.Errno{syscall.EPIPE}
	diskFull         = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}
	reset            = []syscall.Errno{syscall.ECONNRESET}
	refused          = []syscall.Errno{syscall.ECONNREFUSED}
	timedOut         = []syscall.Errno{syscall.ETIMEDOUT}
	noRoute          = []syscall.Errno{syscall.EHOSTUNREACH}
	noNetwork        = []syscall.Errno{syscall.ENETUNREACH}
	addrInUse        = []syscall.Errno{syscall.EADDRINUSE}
	addrNotAvailable = []syscall.Errno{syscall.EADDRNOTAVAIL}
)
