package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// pageSize is how far a search goes on after bytes that the disk cannot read.
const pageSize = 4096

// find goes to the first whole record at or after off, in a segment file of size bytes, whose
// offset is next or a later one before limit. It reports false, and stays, if there is none.
//
// What looks like a record inside the data of another one is not taken for one: its number and
// its checksum would need the salt. Nor does such data make the search slow: the number shows
// what is no header, and no more than eight times the size is read for checksums.
func (r *reader) find(file io.ReaderAt, size int64, limit uint64) bool {
	window, data := make([]byte, bufferSize), make([]byte, bufferSize)
	empty := r.f.lengthSum(make([]byte, 4))
	budget := 8 * size
	for at := r.off; size-at >= recordHeader; {
		n, err := file.ReadAt(window[:min(bufferSize, size-at)], at)
		if n < recordHeader {
			if err == nil || errors.Is(err, io.EOF) {
				return false
			}
			at = (at+int64(n))/pageSize*pageSize + pageSize
			continue
		}
		for i := range n - recordHeader + 1 {
			head := window[i : i+recordHeader]
			length := int64(binary.LittleEndian.Uint32(head))
			begin := at + int64(i)
			if length > MaxRecord || length > size-begin-recordHeader {
				continue
			}
			sum := empty
			if length > 0 {
				sum = r.f.lengthSum(head[:4])
			}
			// The distance to the number of next.
			ahead := (r.f.number(0, sum) ^ binary.LittleEndian.Uint32(head[4:])) - uint32(r.next)
			if uint64(ahead) >= limit-r.next {
				continue
			}
			if budget -= length; budget < 0 {
				return false
			}
			if r.f.whole(file, begin, length, head, data) {
				r.seek(begin)
				r.next += uint64(ahead)
				return true
			}
		}
		at += int64(n - recordHeader + 1)
	}
	return false
}

// whole reports whether the record that begins there, with the header head, has a good
// checksum. It reads through buf.
func (f format) whole(file io.ReaderAt, begin, length int64, head, buf []byte) bool {
	sum := f.headerSum(head)
	for at, end := begin+recordHeader, begin+recordHeader+length; at < end; {
		part := buf[:min(int64(len(buf)), end-at)]
		if _, err := file.ReadAt(part, at); err != nil {
			return false
		}
		sum = crc32.Update(sum, castagnoli, part)
		at += int64(len(part))
	}
	return sum == binary.LittleEndian.Uint32(head[8:])
}
