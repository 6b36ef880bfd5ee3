package filter

import (
	"cmp"
	"math"
)

// decimal is a number as its digits: it is compared without being computed, so
// that neither a timestamp of sixteen digits nor 1e400 loses anything or costs
// memory.
type decimal struct {
	digits   []byte // without leading zeros, perhaps with a point among them; points into the text
	power    int64  // of ten, of the first digit; past a range that no number has in practice it stays at its end
	negative bool
}

// parseDecimal reads a number as JSON writes it, and also with a plus, leading
// zeros, or without digits on one side of the point. It reports false for any
// other text.
func parseDecimal(text []byte) (d decimal, ok bool) {
	i := 0
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		d.negative = text[0] == '-'
		i++
	}
	var (
		start  = -1 // of the first digit that is not zero
		whole  = -1 // digits from start to the point
		point  = false
		zeros  int64 // between the point and start
		digits = false
	)
	first := i
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
	if !digits {
		return d, false
	}
	end := i
	var exponent int64
	if i < len(text) {
		if text[i]|0x20 != 'e' {
			return d, false
		}
		if exponent, ok = parseExponent(text[i+1:]); !ok {
			return d, false
		}
	}
	if start < 0 { // zero, without a sign
		return decimal{digits: text[first:first]}, true
	}
	d.digits = text[start:end]
	switch {
	case whole >= 0:
		d.power = exponent + int64(whole) - 1
	case point:
		d.power = exponent - zeros - 1
	default:
		d.power = exponent + int64(len(d.digits)) - 1
	}
	return d, true
}

// parseExponent reads digits with an optional sign. Past 10^18 it stays there.
func parseExponent(text []byte) (n int64, ok bool) {
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

// compare returns -1, 0 or 1 as d is less than, equal to or greater than e.
func (d decimal) compare(e decimal) int {
	sign := func(d decimal) int {
		switch {
		case len(d.digits) == 0:
			return 0
		case d.negative:
			return -1
		}
		return 1
	}
	s := sign(d)
	if order := cmp.Compare(s, sign(e)); order != 0 || s == 0 {
		return order
	}
	if d.power != e.power {
		return s * cmp.Compare(d.power, e.power)
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
			return s * cmp.Compare(a, b)
		}
		i++
		j++
	}
	return 0
}
