package filter

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDecimal(t *testing.T) {
	for _, text := range []string{"", "-", "+", ".", "e5", "1e", "1e+", "1x", " 1", "1 ", "0x1", "1_0", "--1", "1.2.3", "1e5.5", "NaN", "inf", "1,5", "٣"} {
		if _, ok := parseDecimal([]byte(text)); ok {
			t.Errorf("%q is a number", text)
		}
	}
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"0", "-0", 0},
		{"0", "0.000e9", 0},
		{"+1", "1", 0},
		{"007", "7", 0},
		{".5", "0.5", 0},
		{"5.", "5", 0},
		{"1e400", "1e399", 1},
		{"-1e400", "-1e399", -1},
		{"1e-400", "0", 1},
		{"-1e-400", "0", -1},
		{"10e399", "1e400", 0},
		{"0.00123", "1.23e-3", 0},
		{"100", "1e2", 0},
		{"99", "100", -1},
		{"1234567890.123456", "1234567890.1234560001", -1},
		{"9007199254740993", "9007199254740992", 1},
		{"0e99999999999999999999", "0", 0},
		{"1e99999999999999999999", "1", 1},
		{"1e-99999999999999999999", "1", -1},
		{"1e999999999999", "1e999999999998", 1},
		{"-5", "3", -1},
	} {
		a, ok := parseDecimal([]byte(tt.a))
		b, ok2 := parseDecimal([]byte(tt.b))
		if !ok || !ok2 || a.compare(b) != tt.want || b.compare(a) != -tt.want {
			t.Errorf("%s and %s: %v %v, %d", tt.a, tt.b, ok, ok2, a.compare(b))
		}
	}
}

// TestDecimalAgainstRat compares with math/big, where that has the memory.
func TestDecimalAgainstRat(t *testing.T) {
	number := rapid.StringMatching(`[-+]?(0|[0-9]{1,20}|[01]{1,3})(\.[0-9]{1,10}|\.0*[01]?)?([eE][-+]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		if rapid.Bool().Draw(t, "near") {
			b = strings.Replace(a, "1", "10", 1)
		}
		x, ok := parseDecimal([]byte(a))
		y, ok2 := parseDecimal([]byte(b))
		if !ok || !ok2 {
			t.Fatalf("%q %v, %q %v", a, ok, b, ok2)
		}
		rat := func(s string) *big.Rat {
			r, ok := new(big.Rat).SetString(s)
			if !ok {
				t.Fatalf("math/big does not read %q", s)
			}
			return r
		}
		if got, want := x.compare(y), rat(a).Cmp(rat(b)); got != want {
			t.Fatalf("%s and %s: %d, want %d", a, b, got, want)
		}
	})
}
