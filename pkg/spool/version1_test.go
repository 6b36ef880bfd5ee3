package spool

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// inVersion1 is a segment of version 1 with the records from first to end.
func inVersion1(first, end uint64) []byte {
	b := encode(segmentMagicV1, first)
	for n := first; n < end; n++ {
		data := numbered(n)
		length := binary.LittleEndian.AppendUint32(nil, uint32(len(data)))
		b = append(b, length...)
		b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(append(length, data...), castagnoli))
		b = append(b, data...)
	}
	return b
}

// TestVersion1: a queue of version 1 is read, goes on in version 2, and damage in it costs the
// rest of its file.
func TestVersion1(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(older, newest []byte)
		lost   []uint64 // from, to
		cut    bool
	}{
		{"whole", func(_, _ []byte) {}, nil, false},
		{"record", func(older, _ []byte) { older[segmentHeaderV1+recordHeaderV1]++ }, []uint64{0, 5}, false},
		{"header", func(older, _ []byte) { older[9]++ }, []uint64{0, 5}, false},
		{"version", func(older, _ []byte) { older[7] ^= 0x10 }, []uint64{0, 5}, false},
		{"in the newest", func(_, newest []byte) { newest[segmentHeaderV1+recordHeaderV1]++ }, []uint64{5, 9}, false},
		{"header of the newest", func(_, newest []byte) { newest[9]++ }, []uint64{5, 9}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			older, newest := inVersion1(0, 5), inVersion1(5, 9)
			tt.damage(older, newest)
			dir := place(t, map[string][]byte{
				segmentName(0): older, segmentName(5): newest, ackedName: make([]byte, slotDistance+segmentHeaderV1),
			})
			q := mustOpen(t, dir, &Options{Durable: true})
			defer mustClose(t, q)
			if (q.Truncated() > 0) != tt.cut {
				t.Errorf("%d bytes cut", q.Truncated())
			}
			next := q.ReadOffset() + uint64(q.Len())
			mustAppend(t, q, numbered(next))
			records, damage := drain(t, q)
			want := uint64(0)
			for _, record := range records {
				if len(tt.lost) > 0 && want == tt.lost[0] && !tt.cut {
					want = tt.lost[1]
				}
				if got := number(t, record); got != want {
					t.Fatalf("got record %d, want %d", got, want)
				}
				want++
			}
			if want != next+1 {
				t.Errorf("ended before %d", want)
			}
			if lost := len(tt.lost) > 0 && !tt.cut; len(damage) > 0 != lost || lost && damage[0].Records != int64(tt.lost[1]-tt.lost[0]) {
				t.Errorf("damage %v", damage)
			}
		})
	}
}
