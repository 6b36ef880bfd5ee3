package spool

import (
	"bufio"
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
	segmentMagic  = "esspool\x01"
	ackedMagic    = "esacked\x01"
	segmentHeader = 20
	slotDistance  = 4096 // the slots are never in one sector
	recordHeader  = 8
	minReserved   = 1 << 20 // smaller segments are made larger with each record

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

// encodeOffset returns the bytes of an offset for the header of a segment and for a
// slot.
func encodeOffset(magic string, offset uint64) []byte {
	b := binary.LittleEndian.AppendUint64([]byte(magic), offset)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeOffset reads the bytes that encodeOffset made, at byte off of the file.
func decodeOffset(f *os.File, off int64, magic string) (offset uint64, err error) {
	var b [segmentHeader]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, errHeader
		}
		return 0, err
	}
	offset = binary.LittleEndian.Uint64(b[len(magic):])
	version := len(magic) - 1
	switch {
	case string(b[:version]) != magic[:version] || b[version] == 0:
		return 0, errHeader // perhaps of a write that was interrupted
	case b[version] != magic[version]:
		// Not errHeader: a later version may have its checksum elsewhere.
		return 0, errVersion
	case !bytes.Equal(b[:], encodeOffset(magic, offset)):
		return 0, errHeader
	}
	return offset, nil
}

func checkHeader(f *os.File, first uint64) error {
	offset, err := decodeOffset(f, 0, segmentMagic)
	if err == nil && offset != first {
		err = errHeader
	}
	return err
}

// putHeader makes head the header of the record data.
func putHeader(head *[recordHeader]byte, data []byte) {
	binary.LittleEndian.PutUint32(head[:], uint32(len(data)))
	binary.LittleEndian.PutUint32(head[4:], checksum(head, data))
}

func checksum(head *[recordHeader]byte, data []byte) uint32 {
	// The sum includes the length, so that zeros are not an empty record.
	return crc32.Update(crc32.Checksum(head[:4], castagnoli), castagnoli, data)
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

// reader reads the records of one segment at a time. It does not trust the file:
// it never allocates more memory than the file has bytes.
type reader struct {
	file  *os.File // nil without a segment
	first uint64   // the offset in the name of the segment
	off   int64    // byte at which the next record begins
	src   cursor
	br    *bufio.Reader // of src
	head  [recordHeader]byte
}

// open starts reading f at its first record.
func (r *reader) open(f *os.File, first uint64) {
	r.file, r.first = f, first
	r.src.file = f
	r.seek(segmentHeader)
}

func (r *reader) seek(off int64) {
	r.off, r.src.off = off, off
	r.br.Reset(&r.src)
}

func (r *reader) close() {
	if r.file != nil {
		_ = r.file.Close() // nothing was written
		r.file, r.src.file = nil, nil
	}
}

// begin reads the header of the record at off, in a segment of size bytes, and
// returns the length of its data.
func (r *reader) begin(size int64) (int, error) {
	r.src.end = size
	if r.off == size {
		return 0, errShort
	}
	if size-r.off < recordHeader {
		return 0, errRecord
	}
	if _, err := io.ReadFull(r.br, r.head[:]); err != nil {
		return 0, badRead(err)
	}
	n := int64(binary.LittleEndian.Uint32(r.head[:]))
	if n > MaxRecord || n > size-r.off-recordHeader {
		return 0, errRecord
	}
	return int(n), nil
}

// record appends the data of the next record to dst, which is empty.
func (r *reader) record(dst []byte, size int64) ([]byte, error) {
	n, err := r.begin(size)
	if err != nil {
		return dst, err
	}
	if cap(dst) < n {
		dst = make([]byte, n)
	}
	data := dst[:n]
	if _, err := io.ReadFull(r.br, data); err != nil {
		return dst[:0], badRead(err)
	}
	if checksum(&r.head, data) != binary.LittleEndian.Uint32(r.head[4:]) {
		return dst[:0], errRecord
	}
	r.off += recordHeader + int64(n)
	return data, nil
}

// skip skips the next record without a look at its data.
func (r *reader) skip(size int64) error {
	n, err := r.begin(size)
	if err != nil {
		return err
	}
	if _, err := r.br.Discard(n); err != nil {
		return badRead(err)
	}
	r.off += recordHeader + int64(n)
	return nil
}

// verify skips the next record if it is whole.
func (r *reader) verify(size int64) error {
	n, err := r.begin(size)
	if err != nil {
		return err
	}
	sum := checksum(&r.head, nil)
	for left := n; left > 0; {
		part, err := r.br.Peek(min(left, bufferSize))
		if err != nil {
			return badRead(err)
		}
		sum = crc32.Update(sum, castagnoli, part)
		left -= len(part)
		_, _ = r.br.Discard(len(part)) // it is in the buffer
	}
	if sum != binary.LittleEndian.Uint32(r.head[4:]) {
		return errRecord
	}
	r.off += recordHeader + int64(n)
	return nil
}

// count moves to the end of the last whole record of a segment of size bytes, and returns how
// many records there are up to it. A damaged record counts if the length in its header leads
// to a whole record: then it is damage. After an interrupted write no whole record follows.
func (r *reader) count(size int64) (n uint64, err error) {
	end := r.off
	for behind := uint64(1); r.off < size; behind++ {
		err := r.verify(size)
		if err == nil {
			n, behind, end = n+behind, 0, r.off
			continue
		}
		r.seek(r.off)
		if errors.Is(err, errRecord) && !isUnused(r.file, r.off) {
			err = r.skip(size)
		}
		if errors.Is(err, errRecord) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	r.seek(end)
	return n, nil
}

// badRead returns the error for a record that could not be read whole: errRecord if
// the file has become shorter, otherwise the error of the disk.
func badRead(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errRecord
	}
	return err
}
