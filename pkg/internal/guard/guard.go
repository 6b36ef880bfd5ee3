// Package guard lets a program clean up before a panic in a goroutine of a library ends it.
package guard

// Run calls f. If f panics, Run calls onPanic, which may be nil, and then the panic ends the
// process, with the stack trace of f.
func Run(onPanic, f func()) {
	panics := onPanic != nil
	defer func() {
		if panics {
			onPanic()
		}
	}()
	f()
	panics = false
}
