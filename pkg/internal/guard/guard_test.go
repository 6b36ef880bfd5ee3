package guard

import "testing"

func TestRun(t *testing.T) {
	ran, panics := false, 0
	Run(func() { panics++ }, func() { ran = true })
	Run(nil, func() {})
	if !ran || panics != 0 {
		t.Errorf("ran: %v, panics: %d", ran, panics)
	}
	func() {
		defer func() {
			if cause := recover(); cause != "a word" {
				t.Errorf("the panic is %v", cause)
			}
		}()
		Run(func() { panics++ }, func() { panic("a word") })
	}()
	if panics != 1 {
		t.Errorf("panics: %d", panics)
	}
}
