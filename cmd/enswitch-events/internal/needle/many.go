package needle

// many finds any of many texts in one pass over the lines, by the algorithm of Wu and
// Manber: it looks at the last 3 bytes of where a text could end, and goes on by as many
// bytes as no text can end within.
type many struct {
	texts  map[uint32][]string // by the hash of their last 3 bytes
	shifts [1 << 12]uint8      // by the hash of 3 bytes
	length int                 // of what is looked at: the ends of the texts
}

const (
	// manyFrom is the number of texts from which one pass for all is faster than one for
	// each.
	manyFrom = 3
	// gram is how many bytes are looked at together, and the least length of a text.
	gram = 3
	// maxShift is the longest end of a text that is looked at.
	maxShift = 32
)

// hashOf returns the hash of the 3 bytes.
func hashOf(a, b, c byte) uint32 {
	return (uint32(a) | uint32(b)<<8 | uint32(c)<<16) * 0x9e3779b1 >> 20
}

// newMany returns a many for texts of at least 3 bytes.
func newMany(texts []string) *many {
	m := &many{texts: map[uint32][]string{}, length: maxShift}
	for _, t := range texts {
		m.length = min(m.length, len(t))
	}
	for i := range m.shifts {
		m.shifts[i] = uint8(m.length - gram + 1)
	}
	for _, t := range texts {
		end := t[len(t)-m.length:]
		for i := range m.length - gram + 1 {
			h := hashOf(end[i], end[i+1], end[i+2])
			m.shifts[h] = min(m.shifts[h], uint8(m.length-gram-i))
			if i == m.length-gram {
				m.texts[h] = append(m.texts[h], t)
			}
		}
	}
	return m
}

// find returns the offset of the first text to end in text[at:], len(text) if there is
// none.
func (m *many) find(text []byte, at int) int {
	for i := at + m.length; i <= len(text); {
		h := hashOf(text[i-3], text[i-2], text[i-1])
		shift := m.shifts[h]
		if shift > 0 {
			i += int(shift)
			continue
		}
		for _, t := range m.texts[h] {
			if begin := i - len(t); begin >= at && string(text[begin:i]) == t {
				return begin
			}
		}
		i++
	}
	return len(text)
}
