package files

import (
	"errors"

	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// MaxExamples is how many different messages of one kind are kept as they are.
const MaxExamples = 3

// KindOf returns what kind of failure the error of an expression is.
func KindOf(err error) string {
	if failure, ok := errors.AsType[*filter.Failure](err); ok {
		return failure.Kind
	}
	return err.Error()
}
