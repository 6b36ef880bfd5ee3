package spool

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
)

const testSalt = 0x0123456789abcdef

// withSums returns data with the header, the numbers and the checksums of a good segment, as far
// as the lengths in it allow.
func withSums(data []byte, first uint64) []byte {
	data = append(encode(segmentMagic, first, testSalt), data[min(segmentHeader, len(data)):]...)
	offset := first
	for rest := data[segmentHeader:]; len(rest) >= recordHeader; offset++ {
		n := int64(binary.LittleEndian.Uint32(rest))
		if n > int64(len(rest)-recordHeader) {
			break
		}
		format{2, testSalt}.putHeader((*[recordHeader]byte)(rest), offset, rest[recordHeader:recordHeader+n])
		rest = rest[recordHeader+n:]
	}
	return data
}

// FuzzReopen opens directories with any content.
func FuzzReopen(f *testing.F) {
	good := encode(segmentMagic, 0, testSalt)
	for n := range uint64(3) {
		var head [recordHeader]byte
		format{2, testSalt}.putHeader(&head, n, numbered(n))
		good = append(append(good, head[:]...), numbered(n)...)
	}
	f.Add(inVersion1(0, 3), inVersion1(3, 5), encode(ackedMagic, 1), uint64(3), false)
	huge := append(bytes.Clone(good), 0, 0, 0, 4, 1, 2, 3, 4)
	f.Add(good, encode(segmentMagic, 3, testSalt), encode(ackedMagic, 1), uint64(3), false)
	f.Add(good, good, []byte{}, uint64(1), true)
	f.Add(huge, huge, encode(ackedMagic, maxOffset-1), uint64(maxOffset-1), true)
	f.Add(good[:50], good[:10], make([]byte, 5000), uint64(1<<40), false)
	f.Add([]byte{}, []byte("esspool\x03"), []byte("esacked\x02"), uint64(0), false)
	f.Fuzz(func(t *testing.T, first, second, acked []byte, offset uint64, sums bool) {
		if sums { // chance does not find them
			first, second = withSums(first, 0), withSums(second, offset)
			if len(acked) >= 16 {
				acked = append(encode(ackedMagic, binary.LittleEndian.Uint64(acked[8:])), acked[16:]...)
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
		if int64(len(damage)) > size/recordHeader+2 {
			t.Errorf("%d bytes, damage %v", size, damage)
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
