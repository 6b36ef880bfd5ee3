package cli

import (
	"errors"
	"fmt"
	"testing"
)

func TestLine(t *testing.T) {
	for _, row := range []struct {
		err  error
		want string
	}{
		{errors.New("one"), "one"},
		{errors.Join(errors.New("one"), errors.New("two")), "one; two"},
		{fmt.Errorf("a: %w", errors.Join(errors.New("one\r\n  more\n\n"), errors.New("two"))), "a: one; more; two"}, //nolint:revive // that such an error becomes one line is what is tested
	} {
		if got := OneLine(row.err); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}
