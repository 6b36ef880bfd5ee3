// Package filelock locks files against other processes, and against others that opened them in
// this one.
package filelock

import "os"

// Try locks a file until it is closed, or until the process ends in any way. It does not wait:
// locked is false if the file is locked already. The error is that of the system.
func Try(f *os.File) (locked bool, err error) { return try(f) }

// control calls lock with the descriptor of f, which is not closed meanwhile.
func control(f *os.File, lock func(fd uintptr) error) (err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if e := conn.Control(func(fd uintptr) { err = lock(fd) }); e != nil {
		return e
	}
	return err
}
