package fault

import (
	"strings"
	"testing"
)

// TestCatch: a panic becomes an error of one line, with the place.
func TestCatch(t *testing.T) {
	var none []int
	for want, do := range map[string]func(){
		"index out of range [3] with length 0, at fault/fault_test.go:": func() { _ = none[len(none)+3] },
		"a word, at fault/fault_test.go:":                               func() { panic("a word") },
		"invalid memory address":                                        func() { _ = *(*int)(nil) },
	} {
		err := func() (err error) {
			defer Catch(&err)
			do()
			return nil
		}()
		if err == nil || !strings.Contains(err.Error(), "this program has a fault: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	err := error(nil)
	func() { defer Catch(&err) }()
	if err != nil {
		t.Error(err)
	}
}
