package event

import (
	"bytes"
	"strings"
)

// Glob is a pattern in which a star stands for any text, also none. It is safe for
// concurrent use.
type Glob struct {
	head  string   // before the first star
	inner []string // between stars, without empty ones
	tail  string   // after the last star
	star  bool     // there is a star; without one the pattern is head
}

// NewGlob returns the Glob of a pattern; every text is one.
func NewGlob(pattern string) *Glob {
	parts := strings.Split(pattern, "*")
	g := &Glob{head: parts[0]}
	if len(parts) == 1 {
		return g
	}
	g.star, g.tail = true, parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		if p != "" {
			g.inner = append(g.inner, p)
		}
	}
	return g
}

// Match reports whether s is a text that the pattern stands for.
func (g *Glob) Match(s []byte) bool {
	if !g.star {
		return string(s) == g.head
	}
	if len(s) < len(g.head)+len(g.tail) || string(s[:len(g.head)]) != g.head || string(s[len(s)-len(g.tail):]) != g.tail {
		return false
	}
	s = s[len(g.head) : len(s)-len(g.tail)]
	for _, p := range g.inner {
		// The first place leaves the most text for the parts that follow.
		i := indexString(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return true
}

// indexString is bytes.Index for a string, without a copy.
func indexString(s []byte, sub string) int {
	for i := 0; len(s)-i >= len(sub); i++ {
		j := bytes.IndexByte(s[i:len(s)-len(sub)+1], sub[0])
		if j < 0 {
			return -1
		}
		if i += j; string(s[i:i+len(sub)]) == sub {
			return i
		}
	}
	return -1
}
