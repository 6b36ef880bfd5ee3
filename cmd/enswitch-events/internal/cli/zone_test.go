package cli

import (
	"testing"
	"time"
)

func TestRuledZone(t *testing.T) {
	for _, tt := range []struct {
		rule           string
		winter, summer int // hours east of Greenwich
	}{
		{"CET-1CEST,M3.5.0,M10.5.0/3", 1, 2},
		{"UTC+3", -3, -3},
		{"UTC0", 0, 0},
		{"<+03>-3", 3, 3},
		{"EST5EDT,M3.2.0,M11.1.0", -5, -4},
		{"NZST-12NZDT,M9.5.0,M4.1.0/3", 13, 12},
		{"JST-9", 9, 9},
	} {
		loc := parsePOSIXZone(tt.rule)
		if loc == nil {
			t.Errorf("%s is no rule", tt.rule)
			continue
		}
		for month, want := range map[time.Month]int{time.January: tt.winter, time.July: tt.summer} {
			if _, got := time.Date(2026, month, 15, 12, 0, 0, 0, loc).Zone(); got != want*3600 {
				t.Errorf("%s in %v: %d s, want %d h", tt.rule, month, got, want)
			}
		}
	}
	for _, tz := range []string{"Nosuch/Zone", "Europe/Lodnon", "x", "CET", "UTC+", "-3", "a\nb", "CET-1CEST,M3"} {
		if loc := parsePOSIXZone(tz); loc != nil {
			t.Errorf("%q is a rule: %v", tz, time.Unix(0, 0).In(loc))
		}
	}
}
