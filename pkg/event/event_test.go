package event

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestTimestamp(t *testing.T) {
	for _, tt := range []struct {
		text string
		want int64
		ok   bool
	}{
		{"1234567890.123456", 1234567890123456, true},
		{"1234567890", 1234567890000000, true},
		{"1234567890.1", 1234567890100000, true},
		{"1234567890.000001", 1234567890000001, true},
		{"1234567890.1234569", 1234567890123456, true},
		{"1234567890.12345600000000000000000000000000", 1234567890123456, true},
		{"0", 0, true},
		{"0.0", 0, true},
		{"00000000000000000000000000000000001.5", 1500000, true},
		{"253402300799.999999", 253402300799999999, true},
		{"253402300800", 0, false},
		{"99999999999999999999999999999999999", 0, false},
		{"", 0, false},
		{".", 0, false},
		{".5", 500000, true},
		{"5.", 5000000, true},
		{"1.2.3", 0, false},
		{"-1", 0, false},
		{"+1", 1000000, true},
		{"1e9", 1e15, true},
		{"1.234567890123456E9", 1234567890123456, true}, // as Java prints it
		{"-1e-9", 0, false},
		{"-0", 0, true},
		{"1e400", 0, false},
		{"1e-400", 0, true},
		{"1.234567890123456e15", 1234567890123456, true},
		{"1234567890123.0", 1234567890123000, true},
		{"1234567890123.5", 0, false},
		{"0001234567890123", 1234567890123000, true},
		{"1,5", 0, false},
		{" 1", 0, false},
		{"1 ", 0, false},
		{"1.5x", 0, false},
		{"1.x", 0, false},
		{"1.0000001x", 0, false},
		{"NaN", 0, false},
		{"2009-02-13T23:31:30Z", 1234567890000000, true},
		{"2009-02-13T23:31:30.1234567+00:00", 1234567890123456, true},
		{"2009-02-14T01:31:30.5+0200", 1234567890500000, true},
		{"2009-02-13 23:31:30-00:00", 1234567890000000, true},
		{"2009-02-13T23:31:30", 0, false}, // of which zone?
		{"2009-02-13 23:31:30", 0, false},
		{"2009-02-13", 0, false},
		{"02/13/2009 23:31:30", 0, false},
		{"1969-12-31T23:59:59Z", 0, false},
		{"1234567890123", 1234567890123000, true},
		{"1234567890123456", 1234567890123456, true},
		{"1234567890123456789", 1234567890123456, true},
		{"12345678901234", 0, false},
		{"-234567890123", 0, false},
		{"+1234567890123", 1234567890123000, true},
		{"١", 0, false},
	} {
		if got, ok := Timestamp([]byte(tt.text)); got != tt.want || ok != tt.ok {
			t.Errorf("%q: got %d, %v", tt.text, got, ok)
		}
	}
}

func TestTimestampProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64Range(0, 253402300799999999).Draw(t, "usec")
		text := fmt.Sprintf("%d.%06d", want/1e6, want%1e6)
		if got, ok := Timestamp([]byte(text)); !ok || got != want {
			t.Fatalf("%s: got %d, %v", text, got, ok)
		}
		more := text + rapid.StringMatching(`[0-9]{0,30}`).Draw(t, "more digits")
		if got, ok := Timestamp([]byte(more)); !ok || got != want {
			t.Fatalf("%s: got %d, %v", more, got, ok)
		}
	})
}

// The usual notation is parsed eight digits at a time.
func TestTimestampReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(rapid.StringMatching(`[0-9]{10}\.[0-9]{6}`).Draw(t, "text"))
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			text[rapid.IntRange(0, len(text)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		got, ok := feedTime(text)
		if want, fine := anyTime(text); ok != fine || fine && got != want {
			t.Fatalf("%q: got %d, %v, want %d, %v", text, got, ok, want, fine)
		}
	})
}

func BenchmarkTimestamp(b *testing.B) {
	text := []byte("1234567890.123456")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Timestamp(text); !ok {
			b.Fatal("not a timestamp")
		}
	}
}
