package event

import (
	"bytes"
	"hash/maphash"
)

// maxCompared is the number of fields up to which each name is compared with all others.
const maxCompared = 32

// Shadowed reports whether a later field has the same name as field i, so that the
// later one counts. Calling it for all fields of an event takes time in proportion to
// their number, however many there are.
func (x *Index) Shadowed(i int) bool {
	if len(x.fields) > maxCompared || x.escapedKeys {
		if !x.shadows.known {
			x.shadows.find(x)
		}
		return x.shadows.bits[i>>6]&(1<<(i&63)) != 0
	}
	name := x.text[x.fields[i].key:x.fields[i].keyEnd]
	for j := i + 1; j < len(x.fields); j++ {
		// Most names differ in length.
		f := &x.fields[j]
		if int(f.keyEnd-f.key) == len(name) && string(x.text[f.key:f.keyEnd]) == string(name) {
			return true
		}
	}
	return false
}

// shadows holds which fields of an event are shadowed. They are found for all fields
// together, because comparing each name with each would take too long for a hostile
// event with many fields.
type shadows struct {
	known bool
	bits  []uint64 // a bit for each field

	seed  maphash.Seed
	table []int32 // by hash of the name, open addressing: index of the field + 1
	keys  []byte  // the two names that are compared, if they have escapes
}

func (s *shadows) find(x *Index) {
	if s.table == nil {
		s.seed = maphash.MakeSeed()
	}
	n := len(x.fields)
	s.known = true
	s.bits = zeroed(s.bits, (n+63)>>6)
	size := 64
	for size < 2*n {
		size *= 2
	}
	s.table = zeroed(s.table, size)
	for i := n - 1; i >= 0; i-- {
		s.keys = s.keys[:0]
		key := s.key(x, i)
		own := len(s.keys)
		at := int(maphash.Bytes(s.seed, key)) & (size - 1)
		for ; s.table[at] != 0; at = (at + 1) & (size - 1) {
			s.keys = s.keys[:own]
			if bytes.Equal(key, s.key(x, int(s.table[at]-1))) {
				s.bits[i>>6] |= 1 << (i & 63)
				break
			}
		}
		if s.table[at] == 0 {
			s.table[at] = int32(i + 1)
		}
	}
}

// key returns the name of field i as text. A name with escapes is appended to keys.
func (s *shadows) key(x *Index, i int) []byte {
	key := x.Key(i)
	if !key.Escaped {
		return key.Text()
	}
	begin := len(s.keys)
	s.keys = key.AppendText(s.keys)
	return s.keys[begin:]
}

func zeroed[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}
