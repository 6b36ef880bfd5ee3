// Package fault turns a panic into an error of one line, with the place in the code and without
// a stack trace.
package fault

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// Error is the error of a panic.
type Error struct {
	cause any
	at    string // file and line, empty if it is not known
}

// New returns the error of a panic with that cause, which recover returned. The function that
// recovers must call it, because the place is found on its stack.
func New(cause any) *Error {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	e, panicked := &Error{cause: cause}, false
	for {
		f, more := frames.Next()
		switch {
		case strings.HasPrefix(f.Function, "runtime."):
			panicked = panicked || f.Function == "runtime.gopanic"
		case panicked:
			e.at = fmt.Sprintf("%s:%d", path.Join(path.Base(path.Dir(f.File)), path.Base(f.File)), f.Line)
			return e
		}
		if !more {
			return e
		}
	}
}

// Error returns what happened, and where.
func (e *Error) Error() string {
	text := fmt.Sprintf("this program has a fault: %v", e.cause)
	if e.at != "" {
		text += ", at " + e.at
	}
	return text
}

// Catch sets err to the error of a panic. It must be deferred.
func Catch(err *error) {
	if cause := recover(); cause != nil {
		*err = New(cause)
	}
}
