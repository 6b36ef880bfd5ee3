package forward

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"sort"
)

// span is the offsets from begin up to, and without, end.
type span struct{ begin, end uint64 }

// offsets is a set of offsets of a queue, as spans in order that do not touch each other.
type offsets []span

// add adds the offsets from begin to end, of which it has none yet.
func (o *offsets) add(begin, end uint64) {
	if begin >= end {
		return
	}
	s := *o
	i := sort.Search(len(s), func(i int) bool { return s[i].end >= begin })
	switch {
	case i < len(s) && s[i].end == begin:
		s[i].end = end
		if i+1 < len(s) && s[i+1].begin == end {
			s[i].end = s[i+1].end
			s = append(s[:i+1], s[i+2:]...)
		}
	case i < len(s) && s[i].begin == end:
		s[i].begin = begin
	default:
		s = append(s, span{})
		copy(s[i+1:], s[i:])
		s[i] = span{begin, end}
	}
	*o = s
}

// has returns the end of the span that offset is in.
func (o offsets) has(offset uint64) (end uint64, ok bool) {
	i := sort.Search(len(o), func(i int) bool { return o[i].end > offset })
	if i < len(o) && o[i].begin <= offset {
		return o[i].end, true
	}
	return 0, false
}

// removeBefore removes the offsets before end, and returns how many it had of them.
func (o *offsets) removeBefore(end uint64) (n uint64) {
	s := *o
	for len(s) > 0 && s[0].begin < end {
		if s[0].end > end {
			n += end - s[0].begin
			s[0].begin = end
			break
		}
		n += s[0].end - s[0].begin
		s = s[1:]
	}
	*o = append((*o)[:0], s...)
	return n
}

// count returns the number of offsets.
func (o offsets) count() (n uint64) {
	for _, s := range o {
		n += s.end - s.begin
	}
	return n
}

const (
	deliveredName  = "delivered"
	deliveredMagic = "esdlvrd\x02" // with version 2
	// Version 1, which has no totals, is read and never written.
	deliveredMagicV1 = "esdlvrd\x01"
	totalsSize       = 4 * 8
	// slotDistance is more than a set takes: it has at most a span for each entry in memory.
	slotDistance = 1 << 20
)

// encode appends the set as it is in the file of delivered offsets: "esdlvrd", version 2 (1
// byte), the totals (8 each), the number of spans (4), begin and end (8 each) of every span, and
// the CRC-32C of the bytes before (4). All numbers are little-endian.
func (o offsets) encode(dst []byte, t Totals) []byte {
	dst = append(dst, deliveredMagic...)
	for _, n := range [...]int64{t.Delivered, t.Dead, t.Dropped, t.AlreadyThere} {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(n))
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(o)))
	for _, s := range o {
		dst = binary.LittleEndian.AppendUint64(dst, s.begin)
		dst = binary.LittleEndian.AppendUint64(dst, s.end)
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst, castagnoli()))
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// decodeOffsets is the opposite of encode. The totals are nil in version 1. It reports false if
// the bytes are damaged.
func decodeOffsets(data []byte) (o offsets, t *Totals, ok bool) {
	header := len(deliveredMagic) + totalsSize + 4
	if len(data) >= len(deliveredMagicV1) && string(data[:len(deliveredMagicV1)]) == deliveredMagicV1 {
		header -= totalsSize
	} else if t = new(Totals); len(data) < header || string(data[:len(deliveredMagic)]) != deliveredMagic {
		return nil, nil, false
	}
	if len(data) < header {
		return nil, nil, false
	}
	n := int(binary.LittleEndian.Uint32(data[header-4:]))
	end := header + 16*n
	if n > slotDistance/16 || len(data) < end+4 || crc32.Checksum(data[:end], castagnoli()) != binary.LittleEndian.Uint32(data[end:]) {
		return nil, nil, false
	}
	if t != nil {
		for i, n := range [...]*int64{&t.Delivered, &t.Dead, &t.Dropped, &t.AlreadyThere} {
			*n = int64(binary.LittleEndian.Uint64(data[len(deliveredMagic)+8*i:]))
		}
	}
	for data = data[header:end]; len(data) > 0; data = data[16:] {
		s := span{binary.LittleEndian.Uint64(data), binary.LittleEndian.Uint64(data[8:])}
		if s.begin >= s.end || len(o) > 0 && o[len(o)-1].end >= s.begin {
			return nil, nil, false
		}
		o = append(o, s)
	}
	return o, t, true
}

// writeDelivered writes the set and the totals to both slots of a file of delivered offsets, one after the
// other: if the process is killed while it writes one, the other has the old or the new set.
// It makes no new file, whose name would have to wait for the disk.
func (o offsets) writeDelivered(f *os.File, t Totals) error {
	data := o.encode(nil, t)
	if _, err := f.WriteAt(data, 0); err != nil {
		return err
	}
	_, err := f.WriteAt(data, slotDistance)
	return err
}

// readDelivered reads a file of delivered offsets. If it is damaged after a loss of power,
// events come again: that is better than losing them. The totals are nil if it does not have them.
func readDelivered(f io.ReaderAt) (o offsets, t *Totals) {
	data := make([]byte, slotDistance)
	for slot := range int64(2) {
		n, _ := f.ReadAt(data, slot*slotDistance)
		if o, t, ok := decodeOffsets(data[:n]); ok {
			return o, t
		}
	}
	return nil, nil
}

// replaceFile writes a file so that another process sees it whole, before or after.
func replaceFile(root *os.Root, name string, data []byte) error {
	temporary := name + ".new"
	if err := root.WriteFile(temporary, data, 0o600); err != nil {
		_ = root.Remove(temporary)
		return err
	}
	return root.Rename(temporary, name)
}
