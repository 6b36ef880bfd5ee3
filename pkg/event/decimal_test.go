package event

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDecimal(t *testing.T) {
	for _, text := range []string{"", "-", "+", ".", "e5", "1e", "1e+", "1x", " 1", "1 ", "0x1", "1_0", "--1", "1.2.3", "1e5.5", "NaN", "inf", "1,5", "٣"} {
		if _, ok := ParseDecimal([]byte(text)); ok {
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
		a, ok := ParseDecimal([]byte(tt.a))
		b, ok2 := ParseDecimal([]byte(tt.b))
		if !ok || !ok2 || a.Compare(b) != tt.want || b.Compare(a) != -tt.want {
			t.Errorf("%s and %s: %v %v, %d", tt.a, tt.b, ok, ok2, a.Compare(b))
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
		x, ok := ParseDecimal([]byte(a))
		y, ok2 := ParseDecimal([]byte(b))
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
		if got, want := x.Compare(y), rat(a).Cmp(rat(b)); got != want {
			t.Fatalf("%s and %s: %d, want %d", a, b, got, want)
		}
	})
}

// TestInt64AgainstRat: whole numbers that fit an int64 are returned, no others.
func TestInt64AgainstRat(t *testing.T) {
	number := rapid.OneOf(
		rapid.StringMatching(`[-+]?[0-9]{1,20}(\.[0-9]{0,3}|\.0{1,5})?([eE][-+]?[0-9]{1,2})?`),
		rapid.SampledFrom([]string{"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "-9223372036854775808.0", "922337203685477580.8e1", "1e18", "1e19", "0e99", "-0", "0.5e1", "1e-1"}))
	rapid.Check(t, func(t *rapid.T) {
		text := number.Draw(t, "number")
		d, ok := ParseDecimal([]byte(text))
		if !ok {
			t.Fatalf("%q is no number", text)
		}
		exact, _ := new(big.Rat).SetString(text)
		n, whole := d.Int64()
		if whole != (exact.IsInt() && exact.Num().IsInt64()) || whole && n != exact.Num().Int64() {
			t.Fatalf("%s: %d, %v", text, n, whole)
		}
		if d.Sign() != exact.Sign() {
			t.Fatalf("%s: sign %d", text, d.Sign())
		}
	})
}

// TestIsNumber holds IsNumber equal to encoding/json.
func TestIsNumber(t *testing.T) {
	text := rapid.OneOf(rapid.StringMatching(`[-+]?[0-9]{0,3}(\.[0-9]{0,2})?([eE][-+]?[0-9]{0,2})?[ x]?`), rapid.SampledFrom([]string{"", "null", "true", `"1"`, "[]", "1 ", " 1"}))
	rapid.Check(t, func(t *rapid.T) {
		text := text.Draw(t, "text")
		var n json.Number
		want := json.Unmarshal([]byte(text), &n) == nil && strings.Trim(text, "0123456789.+-eE") == "" // no space, not null
		if IsNumber([]byte(text)) != want {
			t.Fatalf("%q: %v", text, !want)
		}
	})
}

func BenchmarkParseDecimal(b *testing.B) {
	text := []byte("1234567890.123456")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := ParseDecimal(text); !ok {
			b.Fatal("not a number")
		}
	}
}
