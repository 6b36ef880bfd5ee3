package spool

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
)

// withSums returns data with the header and the checksums of a good segment, as far as the
// lengths in it allow.
func withSums(data []byte, first uint64) []byte {
	data = append(encodeOffset(segmentMagic, first), data[min(segmentHeader, len(data)):]...)
	for rest := data[segmentHeader:]; len(rest) >= recordHeader; {
		n := int64(binary.LittleEndian.Uint32(rest))
		if n > int64(len(rest)-recordHeader) {
			break
		}
		putHeader((*[recordHeader]byte)(rest), rest[recordHeader:recordHeader+n])
		rest = rest[recordHeader+n:]
	}
	return data
}

// FuzzReopen opens directories with any content.
func FuzzReopen(f *testing.F) {
	good := encodeOffset(segmentMagic, 0)
	for n := range uint64(3) {
		var head [recordHeader]byte
		putHeader(&head, numbered(n))
		good = append(append(good, head[:]...), numbered(n)...)
	}
	huge := append(bytes.Clone(good), 0, 0, 0, 4, 1, 2, 3, 4)
	f.Add(good, encodeOffset(segmentMagic, 3), encodeOffset(ackedMagic, 1), uint64(3), false)
	f.Add(good, good, []byte{}, uint64(1), true)
	f.Add(huge, huge, encodeOffset(ackedMagic, maxOffset-1), uint64(maxOffset-1), true)
	f.Add(good[:50], good[:10], make([]byte, 5000), uint64(1<<40), false)
	f.Add([]byte{}, []byte("esspool\x02"), []byte("esacked\x02"), uint64(0), false)
	f.Fuzz(func(t *testing.T, first, second, acked []byte, offset uint64, sums bool) {
		if sums { // chance does not find them
			first, second = withSums(first, 0), withSums(second, offset)
			if len(acked) >= 16 {
				acked = append(encodeOffset(ackedMagic, binary.LittleEndian.Uint64(acked[8:])), acked[16:]...)
			}
		}
		dir := place(t, map[string][]byte{segmentName(0): first, segmentName(offset): second, ackedName: acked})
		var size int64
		for _, path := range segments(t, dir) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			size += info.Size()
		}
		info, looked := Inspect(dir)
		q, err := Open(dir, &Options{Durable: true})
		if err != nil {
			return
		}
		defer mustClose(t, q)
		if looked != nil || info.Records != q.Len() {
			t.Fatalf("inspect: %v, %d records of %d", looked, info.Records, q.Len())
		}
		if q.Len() < 0 || q.Bytes() < 0 || q.Bytes()+q.Truncated() > size {
			t.Fatalf("%d records in %d bytes", q.Len(), q.Bytes())
		}
		records, damage := drain(t, q)
		if len(damage) > 2 {
			t.Errorf("two files, damage %v", damage)
		}
		var sum int64
		for _, r := range records {
			sum += recordHeader + int64(cap(r))
		}
		if sum > 2*size+1024 { // what rounding up may cost
			t.Errorf("%d bytes in memory for %d on disk", sum, size)
		}
		mustAppend(t, q, []byte("x"))
		if more, damage := drain(t, q); len(more) != 1 || string(more[0]) != "x" || len(damage) != 0 {
			t.Fatalf("goes on with %q, %v", more, damage)
		}
		if err := q.Ack(q.ReadOffset()); err != nil {
			t.Fatal(err)
		}
		if q.Len() != 0 {
			t.Errorf("%d records wait", q.Len())
		}
	})
}
