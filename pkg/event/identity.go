package event

import (
	"encoding/binary"
	"hash/maphash"
)

// Identity tells events apart: two events that say the same have the same
// one, see [Hasher.Identity].
type Identity [16]byte

// Hasher computes identities. Its seeds are random, so only identities of one
// Hasher and its clones can be compared, and they mean nothing outside the
// process. It is not safe for concurrent use; a clone is for another goroutine.
type Hasher struct {
	seeds [2]maphash.Seed
	buf   []byte // one field as it is hashed
}

// NewHasher returns a Hasher with new seeds.
func NewHasher() *Hasher {
	return &Hasher{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

// Clone returns a Hasher that gives every event the same identity as h does.
func (h *Hasher) Clone() *Hasher { return &Hasher{seeds: h.seeds} }

// Identity returns the identity of the event that x holds. It depends on the
// names of the fields and on their values as text, on nothing else: not on
// their order, and not on the JSON type, because the number 1 of the websocket
// is the string "1" of a POST. Arrays and objects count as their JSON text
// without white space. Of repeated fields only the last counts.
//
// Each field is hashed to 128 bits under seeds that no sender can know, and
// the sums are added up. That two different events collide has odds of about
// 1 in 2^128: with a million events remembered and a million a second coming
// in, once in 10^19 years. maphash is no cryptographic hash, but its results
// are never shown to a sender, who therefore has nothing to search by.
//
// It does not allocate once the buffer has grown to the largest field.
func (h *Hasher) Identity(x *Index) Identity {
	var low, high uint64
	for i := range x.Len() {
		if x.Shadowed(i) {
			continue
		}
		// The length of the name comes first, so that ab=c is not a=bc.
		b := append(h.buf[:0], 0, 0, 0, 0)
		b = x.Key(i).AppendText(b)
		binary.LittleEndian.PutUint32(b, uint32(len(b)))
		switch v := x.Value(i); v.Kind {
		case Array, Object:
			b = AppendCompact(b, v.JSON)
		default:
			b = v.AppendText(b)
		}
		low += maphash.Bytes(h.seeds[0], b)
		high += maphash.Bytes(h.seeds[1], b)
		h.buf = b
	}
	var id Identity
	binary.LittleEndian.PutUint64(id[:8], low)
	binary.LittleEndian.PutUint64(id[8:], high)
	return id
}
