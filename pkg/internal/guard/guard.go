// Package guard has what a goroutine of a library does about its panics.
package guard

// Run calls f. If f panics Run calls onPanic, which may be nil, and the panic goes on: it ends
// the process, with the stack trace of f.
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
