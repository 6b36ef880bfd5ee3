package call

import "testing"

// TestEffect: what causes of calls that were not answered say.
func TestEffect(t *testing.T) {
	for _, row := range []struct {
		cause string
		rang  bool
		want  effect
	}{
		{"busy", false, effective},
		{"USER_BUSY", false, effective},
		{"17", false, effective},
		{"486", false, effective},
		{"no-answer", true, effective},
		{"21", false, effective},
		{"16", true, effective},
		{"16", false, unknownEffect},
		{"CANCEL", true, effective},
		{"34", true, ineffective},
		{"503", false, ineffective},
		{"Congestion", false, ineffective},
		{"31", true, unknownEffect},
		{"", true, unknownEffect},
		{"whatever", true, unknownEffect},
		{"200", true, unknownEffect},
	} {
		if got := effectOf(row.cause, row.rang); got != row.want {
			t.Errorf("%q, rang %v: %d, want %d", row.cause, row.rang, got, row.want)
		}
	}
}
