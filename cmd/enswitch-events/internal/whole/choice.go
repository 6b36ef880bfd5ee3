package whole

import (
	"encoding/binary"
	"slices"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// choice is the places of the events to print, two bytes for each, and again for each time
// that an event came again. When it is complete it may be used by several goroutines.
type choice struct {
	// By the number of the file, and by the offset divided by 64 KiB: the remainders.
	files [][][]uint16
}

// add adds the event at that offset of that file.
func (c *choice) add(file int, offset int64) {
	for len(c.files) <= file {
		c.files = append(c.files, nil)
	}
	i := int(offset >> 16)
	for len(c.files[file]) <= i {
		c.files[file] = append(c.files[file], nil)
	}
	c.files[file][i] = append(c.files[file][i], uint16(offset))
}

// sort makes the choice complete.
func (c *choice) sort() {
	for _, blocks := range c.files {
		for _, offsets := range blocks {
			slices.Sort(offsets)
		}
	}
}

// times returns how often the event at that offset of that file was added.
func (c *choice) times(file int, offset int64) (n int) {
	if file >= len(c.files) || offset>>16 >= int64(len(c.files[file])) {
		return 0
	}
	offsets := c.files[file][offset>>16]
	i, _ := slices.BinarySearch(offsets, uint16(offset))
	for i+n < len(offsets) && offsets[i+n] == uint16(offset) {
		n++
	}
	return n
}

// undecided has the places of the events of calls of which no event has passed the filters yet,
// in some four bytes each.
type undecided struct {
	choice choice
	chosen []uint64        // a bit for each call, by its number
	joined map[int64]int64 // numbers of calls that became part of others

	chunks [][]byte // the events: their call, file and offset, each less that before
	last   [3]int64 // of the event added last
}

// chunkSize is the length of a chunk.
const chunkSize = 64 << 10

// add adds the event of a call.
func (u *undecided) add(file int, offset, number int64, chosen bool) {
	if chosen {
		u.choose(number)
		u.choice.add(file, offset)
		return
	}
	n := len(u.chunks)
	if n == 0 || len(u.chunks[n-1])+3*binary.MaxVarintLen64 > chunkSize {
		u.chunks = append(u.chunks, make([]byte, 0, chunkSize))
		n++
	}
	for i, v := range [3]int64{number, int64(file), offset} {
		u.chunks[n-1] = binary.AppendVarint(u.chunks[n-1], v-u.last[i])
		u.last[i] = v
	}
}

// choose marks the call: one of its events passes the filters.
func (u *undecided) choose(number int64) {
	for int64(len(u.chosen)) <= number/64 {
		u.chosen = append(u.chosen, 0)
	}
	u.chosen[number/64] |= 1 << (number % 64)
}

// join notes that a call became part of another one.
func (u *undecided) join(into, from *call.Call) {
	if u.joined == nil {
		u.joined = map[int64]int64{}
	}
	u.joined[from.Number()] = into.Number()
	if into.Chosen() {
		u.choose(into.Number())
	}
}

// finish completes the choice.
func (u *undecided) finish() {
	var v [3]int64
	for i, chunk := range u.chunks {
		for len(chunk) > 0 {
			for j := range v {
				d, n := binary.Varint(chunk)
				v[j], chunk = v[j]+d, chunk[n:]
			}
			if u.isChosen(v[0]) {
				u.choice.add(int(v[1]), v[2])
			}
		}
		u.chunks[i] = nil
	}
	u.choice.sort()
}

// isChosen reports whether an event passes of the call, or of what it became part of.
func (u *undecided) isChosen(number int64) bool {
	for {
		if number/64 < int64(len(u.chosen)) && u.chosen[number/64]&(1<<(number%64)) != 0 {
			return true
		}
		into, ok := u.joined[number]
		if !ok {
			return false
		}
		number = into
	}
}
