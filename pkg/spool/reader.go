package spool

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
)

// reader reads the records of one segment at a time. It does not trust the file:
// it never allocates more memory than the file has bytes.
type reader struct {
	file  *os.File // nil without a segment
	first uint64   // the offset in the name of the segment
	f     format
	next  uint64 // offset of the next record
	off   int64  // byte at which the next record begins
	src   cursor
	br    *bufio.Reader // of src
	head  [recordHeader]byte
}

// open starts reading file at its first record. The error is one of its header; records may
// be found after it all the same.
func (r *reader) open(file *os.File, first, salt uint64) error {
	r.file, r.first, r.next = file, first, first
	r.src.file = file
	f, err := readHeader(file, first)
	if err != nil {
		r.f = format{version: 2, salt: salt}
		r.seek(0)
		return err
	}
	r.f = f
	r.seek(f.segmentHeader())
	return nil
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
	head := r.head[:r.f.recordHeader()]
	room := size - r.off - int64(len(head))
	if room < 0 {
		return 0, errRecord
	}
	if _, err := io.ReadFull(r.br, head); err != nil {
		return 0, badRead(err)
	}
	n := int64(binary.LittleEndian.Uint32(head))
	if n > MaxRecord || n > room {
		return 0, errRecord
	}
	if r.f.version > 1 && binary.LittleEndian.Uint32(head[4:]) != r.f.number(r.next, r.f.lengthSum(head[:4])) {
		return 0, errRecord
	}
	return int(n), nil
}

// passed goes to the record after the one whose data has n bytes.
func (r *reader) passed(n int) {
	r.off += int64(r.f.recordHeader() + n)
	r.next++
}

// sum is the checksum in the header of the record.
func (r *reader) sum() uint32 { return binary.LittleEndian.Uint32(r.head[r.f.recordHeader()-4:]) }

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
	if crc32.Update(r.f.headerSum(r.head[:]), castagnoli, data) != r.sum() {
		return dst[:0], errRecord
	}
	r.passed(n)
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
	r.passed(n)
	return nil
}

// verify skips the next record if it is whole.
func (r *reader) verify(size int64) error {
	n, err := r.begin(size)
	if err != nil {
		return err
	}
	sum := r.f.headerSum(r.head[:])
	for left := n; left > 0; {
		part, err := r.br.Peek(min(left, bufferSize))
		if err != nil {
			return badRead(err)
		}
		sum = crc32.Update(sum, castagnoli, part)
		left -= len(part)
		_, _ = r.br.Discard(len(part)) // it is in the buffer
	}
	if sum != r.sum() {
		return errRecord
	}
	r.passed(n)
	return nil
}

// count goes to the end of the last whole record of a segment of size bytes. next is then the
// offset after it.
func (r *reader) count(size int64) error {
	end, next := r.off, r.next
	for r.off < size {
		err := r.verify(size)
		if err == nil {
			end, next = r.off, r.next
			continue
		}
		if r.f.version == 1 {
			err = r.afterV1(err, size)
		} else if r.find(r.file, size, r.first+uint64(size/recordHeader)) {
			err = nil
		}
		if errors.Is(err, errRecord) {
			break
		}
		if err != nil {
			return err
		}
	}
	r.seek(end)
	r.next = next
	return nil
}

// afterV1 goes to where the record after a damaged one of version 1 should be. It is
// damage if a whole one is there; after a write that was interrupted nothing is whole.
func (r *reader) afterV1(err error, size int64) error {
	r.seek(r.off)
	if errors.Is(err, errRecord) && !isUnused(r.file, r.off) {
		err = r.skip(size)
	}
	return err
}

// badRead returns the error for a record that could not be read whole: errRecord if
// the file has become shorter, otherwise the error of the disk.
func badRead(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errRecord
	}
	return err
}
