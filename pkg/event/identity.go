package event

import (
	"encoding/binary"
	"hash/maphash"
)

// Identity is a hash of an event: events with the same fields and values have the
// same Identity. See [Hasher.Identity].
type Identity [16]byte

// Hasher computes identities. Its seeds are random, so only identities of the same
// Hasher and its clones can be compared. It is not safe for concurrent use: use a Clone
// for each goroutine.
type Hasher struct {
	seeds [2]maphash.Seed
	buf   []byte // the field that is being hashed
}

// NewHasher returns a Hasher with new random seeds.
func NewHasher() *Hasher {
	return &Hasher{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

// Clone returns a Hasher with the same seeds, for use by another goroutine.
func (h *Hasher) Clone() *Hasher { return &Hasher{seeds: h.seeds} }

// Identity returns the identity of the event that x has scanned. It depends only on
// the names of the fields and on their values as text. The order of the fields does
// not count, and neither does the JSON type, because the number 1 of the websocket
// is the string "1" of a POST. Arrays and objects count as their JSON text without
// white space. Of repeated fields only the last counts.
//
// Each field is hashed to 128 bits, and the hashes are added up. Two different
// events collide with a probability of about 1 in 2^128: with a million events
// remembered and a million a second coming in, once in 10^19 years. maphash is no
// cryptographic hash, but a sender knows neither the seeds nor the results, and so
// cannot search for a collision.
//
// Identity does not allocate once the buffer has grown to the largest field.
func (h *Hasher) Identity(x *Index) Identity {
	var low, high uint64
	for i := range x.Len() {
		if x.Shadowed(i) {
			continue
		}
		// The length of the name is hashed too, so that ab=c differs from a=bc.
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
