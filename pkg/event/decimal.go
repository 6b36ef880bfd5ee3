package event

import (
	"cmp"
	"math"
)

// Decimal is a number of any size and precision, kept as its digits. Comparing two
// of them is exact, so a timestamp of sixteen digits loses nothing, and 1e400 takes
// no memory. The zero Decimal is 0.
//
// A Decimal points into the text that it was parsed from, and is valid as long as
// that text is unchanged.
type Decimal struct {
	digits   []byte // from the first digit that is not 0, perhaps with a point among them; empty for 0
	exponent int64  // power of ten of the first digit
	negative bool
}

// ParseDecimal parses a number as JSON writes it and, beyond JSON, with a plus
// sign, with leading zeros, or with no digits on one side of the point: 1.50,
// -2e3, +1, 007, .5 and 5. are numbers. It reports false for any other text, and
// for a number with space around it. It does not allocate.
func ParseDecimal(text []byte) (d Decimal, ok bool) {
	i := 0
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		d.negative = text[0] == '-'
		i++
	}
	var (
		start  = -1 // offset of the first digit that is not 0
		whole  = -1 // number of digits from start to the point, -1 without a point
		point  = false
		zeros  int64 // number of zeros from the point to start
		digits = false
	)
	for ; i < len(text); i++ {
		c := text[i]
		if c == '.' && !point {
			point = true
			if start >= 0 {
				whole = i - start
			}
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		digits = true
		if start < 0 {
			if c != '0' {
				start = i
			} else if point {
				zeros++
			}
		}
	}
	end := i
	exponent, ok := parseExponent(text[i:])
	if !ok || !digits {
		return Decimal{}, false
	}
	if start < 0 { // 0, without a sign
		return Decimal{}, true
	}
	d.digits = text[start:end]
	switch {
	case whole >= 0:
		d.exponent = exponent + int64(whole) - 1
	case point:
		d.exponent = exponent - zeros - 1
	default:
		d.exponent = exponent + int64(len(d.digits)) - 1
	}
	return d, true
}

// IsNumber reports whether text is a number exactly as JSON writes it: with no plus
// sign, no leading zeros, and digits on both sides of a point.
func IsNumber(text []byte) bool {
	if len(text) == 0 || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return false
	}
	_, end, err := number(text, 0)
	return err == nil && end == len(text)
}

// parseExponent parses an exponent with its e, or nothing, which is 0. Past ±9×10^17
// it returns that.
func parseExponent(text []byte) (n int64, ok bool) {
	if len(text) == 0 {
		return 0, true
	}
	if text[0]|0x20 != 'e' {
		return 0, false
	}
	text = text[1:]
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), math.MaxInt64/10-1)
	}
	if negative {
		n = -n
	}
	return n, len(text) > 0
}

// Sign returns -1, 0 or 1 as d is negative, zero or positive.
func (d Decimal) Sign() int {
	switch {
	case len(d.digits) == 0:
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// Compare returns -1, 0 or 1 as d is less than, equal to or greater than e: 1,
// 1.0 and 1e0 are equal.
func (d Decimal) Compare(e Decimal) int {
	sign := d.Sign()
	if order := cmp.Compare(sign, e.Sign()); order != 0 || sign == 0 {
		return order
	}
	if d.exponent != e.exponent {
		return sign * cmp.Compare(d.exponent, e.exponent)
	}
	for i, j := 0, 0; i < len(d.digits) || j < len(e.digits); {
		a, b := byte('0'), byte('0')
		if i < len(d.digits) {
			if a = d.digits[i]; a == '.' {
				i++
				continue
			}
		}
		if j < len(e.digits) {
			if b = e.digits[j]; b == '.' {
				j++
				continue
			}
		}
		if a != b {
			return sign * cmp.Compare(a, b)
		}
		i++
		j++
	}
	return 0
}

// Int64 returns the number if it is whole and fits an int64. 1.0 and 1e3 are whole.
func (d Decimal) Int64() (n int64, ok bool) {
	n, fraction, ok := d.scaled(0)
	return n, ok && !fraction
}

// scaled returns d times 10^shift, cut to a whole number towards zero, and whether
// a fraction was cut off. It reports false if the result does not fit an int64.
func (d Decimal) scaled(shift int64) (n int64, fraction, ok bool) {
	places := d.exponent + shift + 1 // digits before the point
	if len(d.digits) > 0 && places > 19 {
		return 0, false, false
	}
	// n is negative on the way, for there is one negative number more.
	for _, c := range d.digits {
		switch {
		case c == '.':
			continue
		case places <= 0:
			fraction = fraction || c != '0'
			continue
		}
		places--
		digit := int64(c - '0')
		if n < (math.MinInt64+digit)/10 {
			return 0, false, false
		}
		n = n*10 - digit
	}
	for ; n != 0 && places > 0; places-- {
		if n < math.MinInt64/10 {
			return 0, false, false
		}
		n *= 10
	}
	if !d.negative {
		n = -n
	}
	return n, fraction, d.negative || n >= 0
}
