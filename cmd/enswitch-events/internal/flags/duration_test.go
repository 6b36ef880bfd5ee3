package flags

import (
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestDuration(t *testing.T) {
	for _, row := range []struct {
		text string
		want time.Duration // -1: an error
	}{
		{"500ms", 500 * time.Millisecond},
		{"90s", 90 * time.Second},
		{"1h30m", 90 * time.Minute},
		{"1d", 24 * time.Hour},
		{"1d12h", 36 * time.Hour},
		{"0d1s", time.Second},
		{"0", 0},
		{"0s", 0},
		{"-5m", -5 * time.Minute},
		{"-1d", -24 * time.Hour},
		{"", -1},
		{"10", -1},
		{"1.5d", -1},
		{"d", -1},
		{"-", -1},
		{"--5m", -1},
		{"+5m", -1},
		{"1d-1h", -1},
		{"1w", -1},
		{"99999d", -1},
		{"soon", -1},
	} {
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		got := time.Minute
		DurationVar(f, &got, "for", time.Second, "")
		err := f.Set("for", row.text)
		if (row.want == -1) != (err != nil) || err == nil && got != row.want {
			t.Errorf("%q: got %v, %v, want %v", row.text, got, err, row.want)
		}
	}
}
