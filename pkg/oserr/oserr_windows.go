package oserr

import "syscall"

// The numbers are those of winerror.h and winsock2.h.
var (
	closedPipe       = []syscall.Errno{109, 232, 233, 10058} // BROKEN_PIPE, NO_DATA, PIPE_NOT_CONNECTED, WSAESHUTDOWN
	diskFull         = []syscall.Errno{112, 39, 1295}        // DISK_FULL, HANDLE_DISK_FULL, DISK_QUOTA_EXCEEDED
	reset            = []syscall.Errno{10054, 10053}         // WSAECONNRESET, WSAECONNABORTED
	refused          = []syscall.Errno{10061, 1225}          // WSAECONNREFUSED, CONNECTION_REFUSED
	timedOut         = []syscall.Errno{10060, 121}           // WSAETIMEDOUT, SEM_TIMEOUT
	noRoute          = []syscall.Errno{10065, 1232}          // WSAEHOSTUNREACH, HOST_UNREACHABLE
	noNetwork        = []syscall.Errno{10051, 1231}          // WSAENETUNREACH, NETWORK_UNREACHABLE
	addrInUse        = []syscall.Errno{10048}                // WSAEADDRINUSE
	addrNotAvailable = []syscall.Errno{10049}                // WSAEADDRNOTAVAIL
)
