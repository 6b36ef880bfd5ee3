package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"strings"
)

const (
	segmentMagic  = "esspool\x02"
	ackedMagic    = "esacked\x01"
	saltMagic     = "essalt\x00\x01"
	segmentHeader = 28
	slotDistance  = 4096 // the slots are never in one sector
	recordHeader  = 12

	// Version 1 is read, and never written.
	segmentMagicV1  = "esspool\x01"
	segmentHeaderV1 = 20
	recordHeaderV1  = 8

	minReserved = 1 << 20 // smaller segments are made larger with each record

	segmentSuffix = ".seg"
	ackedName     = "acked"
	lockName      = "lock"

	// maxOffset is the largest offset in a directory. No queue gets there, and sums
	// of smaller offsets cannot overflow.
	maxOffset = 1 << 60
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errRecord  = errors.New("bad record")
	errShort   = errors.New("records missing")
	errHeader  = errors.New("bad header")
	errVersion = errors.New("written by another version")
)

// segment is one file of records.
type segment struct {
	first uint64 // offset of its first record
	next  uint64 // offset after its last record
	size  int64  // of the whole records and the header
}

func segmentName(first uint64) string { return fmt.Sprintf("%016x%s", first, segmentSuffix) }

// segmentFirst is the inverse of segmentName. It returns false for other names.
func segmentFirst(name string) (first uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return 0, false
	}
	first, err := strconv.ParseUint(digits, 16, 64)
	return first, err == nil && name == segmentName(first)
}

// encode returns the bytes of values for the header of a segment and for a slot: the magic with
// the version, the values, and the checksum of all that.
func encode(magic string, values ...uint64) []byte {
	b := []byte(magic)
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decode reads the bytes that encode made, at byte off of the file.
func decode(f *os.File, off int64, magic string, values ...*uint64) error {
	b := make([]byte, len(magic)+8*len(values)+4)
	if _, err := f.ReadAt(b, off); err != nil {
		if errors.Is(err, io.EOF) {
			return errHeader
		}
		return err
	}
	version := len(magic) - 1
	found := b[version]
	if string(b[:version]) != magic[:version] || found == 0 {
		return errHeader // perhaps of a write that was interrupted
	}
	b[version] = magic[version]
	read := make([]uint64, len(values))
	for i := range values {
		read[i] = binary.LittleEndian.Uint64(b[len(magic)+8*i:])
	}
	whole := bytes.Equal(b, encode(magic, read...))
	switch {
	case found != magic[version] && !whole:
		return errVersion // it may have its checksum elsewhere
	case found != magic[version] || !whole: // without the version it is whole: that one byte is damaged
		return errHeader
	}
	for i, v := range values {
		*v = read[i]
	}
	return nil
}

// format is how the records of a segment are written.
type format struct {
	version int
	salt    uint64 // 0 in version 1
}

// readHeader reads the header of a segment whose first record has the offset first.
func readHeader(f *os.File, first uint64) (format, error) {
	var offset, salt uint64
	version := 2
	err := decode(f, 0, segmentMagic, &offset, &salt)
	if err != nil {
		switch v1 := decode(f, 0, segmentMagicV1, &offset); {
		case v1 == nil:
			version, err = 1, nil
		case errors.Is(err, errVersion):
			err = v1
		}
	}
	if err == nil && offset != first {
		err = errHeader
	}
	return format{version, salt}, err
}

func (f format) segmentHeader() int64 {
	if f.version == 1 {
		return segmentHeaderV1
	}
	return segmentHeader
}

func (f format) recordHeader() int {
	if f.version == 1 {
		return recordHeaderV1
	}
	return recordHeader
}

// lengthSum is the checksum of salt and length.
func (f format) lengthSum(length []byte) uint32 {
	return crc32.Update(uint32(f.salt), castagnoli, length)
}

// number is what the header of a record has for its offset. Only who knows the salt can write
// one that passes, and damage to the length or the number shows without a look at the data.
func (f format) number(offset uint64, lengthSum uint32) uint32 {
	return uint32(offset) ^ lengthSum ^ uint32(f.salt>>32)
}

// headerSum is the part of a record's checksum that is about its header.
func (f format) headerSum(head []byte) uint32 {
	return crc32.Update(uint32(f.salt), castagnoli, head[:f.recordHeader()-4])
}

// putHeader makes head the header of the record data at offset.
func (f format) putHeader(head *[recordHeader]byte, offset uint64, data []byte) {
	binary.LittleEndian.PutUint32(head[:], uint32(len(data)))
	binary.LittleEndian.PutUint32(head[4:], f.number(offset, f.lengthSum(head[:4])))
	// The sum includes the length, so that zeros are not an empty record.
	binary.LittleEndian.PutUint32(head[8:], crc32.Update(f.headerSum(head[:]), castagnoli, data))
}

// cursor reads or writes a file from byte off, independent of the file's own
// position.
type cursor struct {
	file *os.File
	off  int64
	end  int64 // where reading ends
}

func (c *cursor) Read(p []byte) (int, error) {
	if c.off >= c.end {
		return 0, io.EOF
	}
	n, err := c.file.ReadAt(p[:min(int64(len(p)), c.end-c.off)], c.off)
	c.off += int64(n)
	return n, err
}

func (c *cursor) Write(p []byte) (int, error) {
	n, err := c.file.WriteAt(p, c.off)
	c.off += int64(n)
	return n, err
}
