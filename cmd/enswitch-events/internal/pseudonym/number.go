package pseudonym

import "encoding/binary"

// IsNumber reports whether text is a telephone number or a part of one: up to maxNumber
// digits with blanks and ()-./ between them, and perhaps a + in front.
func IsNumber(text []byte) bool {
	digits, plus := 0, false
	for _, c := range text {
		switch {
		case isDigit(c):
			digits++
		case isSeparator(c):
		case c == '+' && digits == 0 && !plus:
			plus = true
		default:
			return false
		}
	}
	return 0 < digits && digits <= maxNumber
}

func isSeparator(c byte) bool {
	return c == ' ' || c == '(' || c == ')' || c == '-' || c == '.' || c == '/'
}

// appendNumber appends text with other digits.
func (m *Maker) appendNumber(dst, text []byte) []byte {
	begin := len(dst)
	dst = append(dst, text...)
	digits := digitsOf(nil, text)
	m.number(digits)
	for i := begin; i < len(dst); i++ {
		if isDigit(dst[i]) {
			dst[i], digits = digits[0], digits[1:]
		}
	}
	return dst
}

// maxNumber is more digits than any telephone number has.
const maxNumber = 40

// number makes up other digits for those of a number, in place.
//
// Two numbers of which one ends with the other, and the shorter has six digits, become such
// numbers again. So +441632960001, 00441632960001, 01632960001 and 960001 remain the same
// number, as trace compares them. For that the last six digits are made up together, and
// each digit before them from itself and all digits after it. Different numbers become
// different ones. Zeros in front of the last six digits stay, such as the 00 and the 0 of a
// prefix. A number of fewer digits is made up as a whole, without the zeros in front. A
// number of more than maxNumber digits becomes zeros.
func (m *Maker) number(digits []byte) {
	if len(digits) > maxNumber {
		for i := range digits {
			digits[i] = '0'
		}
		return
	}
	m.orig = append(m.orig[:0], digits...)
	for attempt := range maxAttempts {
		copy(digits, m.orig)
		m.attempt(digits, m.orig, attempt)
		if !shareDigits(m.orig, digits) {
			return
		}
	}
}

func (m *Maker) attempt(digits, orig []byte, attempt int) {
	for len(digits) > 0 && digits[0] == '0' {
		digits, orig = digits[1:], orig[1:]
	}
	tail := max(len(digits)-windowSize, 0)
	if tail < len(digits) {
		m.permute(digits[tail:], attempt)
	}
	for i := range tail {
		if digits[i] != '0' {
			digits[i] = '1' + (digits[i]-'1'+byte(number32(m.hash('d', attempt, 0, orig[i+1:]), 9)))%9
		}
	}
}

// permute replaces up to six digits by others, different ones by different ones, and none by
// themselves. The first digit becomes 0 if it is 0, and only then.
func (m *Maker) permute(digits []byte, attempt int) {
	x, high := uint32(0), uint32(1)
	for _, c := range digits {
		x = x*10 + uint32(c-'0')
		high *= 10
	}
	low := high / 10
	if digits[0] == '0' {
		low, high = 0, high/10
	}
	p := permutation{m: m, n: high - low, attempt: attempt, purpose: byte('0' + len(digits))}
	if low == 0 {
		p.purpose = 'z'
	}
	for p.width = 1; uint32(1)<<(2*p.width) < p.n; {
		p.width++
	}
	x = p.back((p.forth(x-low)+1)%p.n) + low
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = '0' + byte(x%10)
		x /= 10
	}
}

// permutation is a secret order of the numbers from 0 to n-1: a Feistel network over twice
// width bits, which is repeated until it gives one of them.
type permutation struct {
	m       *Maker
	n       uint32
	width   int
	attempt int
	purpose byte
}

const rounds = 8

// forth returns the place of x in the order.
func (p *permutation) forth(x uint32) uint32 {
	for {
		left, right := x>>p.width, x&(1<<p.width-1)
		for r := range rounds {
			left, right = right, left^p.round(r, right)
		}
		if x = left<<p.width | right; x < p.n {
			return x
		}
	}
}

// back returns what has the place x.
func (p *permutation) back(x uint32) uint32 {
	for {
		left, right := x>>p.width, x&(1<<p.width-1)
		for r := rounds - 1; r >= 0; r-- {
			left, right = right^p.round(r, left), left
		}
		if x = left<<p.width | right; x < p.n {
			return x
		}
	}
}

func (p *permutation) round(r int, half uint32) uint32 {
	sum := p.m.hash(p.purpose, p.attempt, r, binary.BigEndian.AppendUint32(nil, half))
	return binary.BigEndian.Uint32(sum) & (1<<p.width - 1)
}
