package engine

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/spool"
)

// The memory of a buffer that spills is three queues, oldest first:
//
//	head    blocks in memory that are taken next
//	disk    blocks in a spool
//	queue   blocks in memory that came last
//
// Sources put blocks into queue; how long they wait for the disk is in pace.go. When
// the memory is three quarters full, a goroutine moves blocks from the front of
// queue to the disk until the memory is half full. Take takes blocks from head, then
// from the disk, then from queue, so that they stay in order. Without a spool head
// and disk stay empty.

// Spill says where events go when the memory of a Buffer is full.
type Spill struct {
	// Dir is where the spool creates its own directory.
	Dir string
	// Size bounds the bytes on disk. 0 means no spilling.
	Size int64
	// OnSpill is called when events begin to go to disk after a second without any
	// there. It must not call the Buffer.
	OnSpill func()
	// OnFault is called when the disk cannot be used. Events that are in memory and on
	// disk already are not lost. It must not call the Buffer.
	OnFault func(error)
}

// spiller moves blocks to disk and back.
type spiller struct {
	o     Spill
	wake  chan struct{}
	stop  chan struct{}
	ended chan struct{}

	// The following are guarded by the buffer's mutex.
	head    []*Block
	transit *Block    // being written
	counts  []int64   // events of each block on disk, oldest first
	active  bool      // blocks went to disk, and not all are taken yet
	last    time.Time // when active was set or cleared
	full    bool      // the spool has no room until a block is taken
	failed  bool

	spool  *spool.Queue // opened by the spilling goroutine
	record []byte       // used by the spilling goroutine
	back   []byte       // used by Take
}

func newSpiller(o Spill) *spiller {
	return &spiller{o: o, wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
}

// spillWanted reports whether a block should be moved to disk because more than that
// number of bytes is in memory. The mutex is held.
func (b *Buffer) spillWanted(above int64) bool {
	s := b.spill
	return s != nil && !s.failed && !s.full && b.bytes > above && len(b.queue) > 0
}

// spillLoop runs until the buffer is released.
func (b *Buffer) spillLoop() {
	s := b.spill
	defer close(s.ended)
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		}
		b.mu.Lock()
		if b.spillWanted(b.o.Size / 4 * 3) {
			b.keepHead()
			for b.spillWanted(b.o.Size / 2) {
				b.spillOne()
			}
		}
		b.mu.Unlock()
	}
}

// keepHead moves the oldest quarter of the memory to head when nothing is on disk yet.
// The mutex is held.
func (b *Buffer) keepHead() {
	s := b.spill
	if s.active {
		return
	}
	if s.activate(true) && s.o.OnSpill != nil {
		s.o.OnSpill()
	}
	kept := int64(0)
	for len(b.queue) > 1 && kept < b.o.Size/4 {
		kept += b.queue[0].held
		s.head = append(s.head, b.queue[0])
		b.queue = b.queue[1:]
	}
}

// spillApart is the time without events on disk after which OnSpill is called again.
const spillApart = time.Second

// activate sets active, and reports whether it was unchanged for spillApart.
func (s *spiller) activate(active bool) (rested bool) {
	now := time.Now()
	rested = now.Sub(s.last) >= spillApart
	s.active, s.last = active, now
	return rested
}

// spillOne moves the first block of queue to the disk. The mutex is held, but not
// during the write.
func (b *Buffer) spillOne() {
	s := b.spill
	c := b.queue[0]
	b.queue = b.queue[1:]
	s.transit = c
	b.mu.Unlock()
	err := s.write(c)
	b.mu.Lock()
	s.transit = nil
	if err != nil {
		b.queue = append([]*Block{c}, b.queue...)
		if s.full = errors.Is(err, spool.ErrFull); !s.full {
			s.failed = true
			if s.o.OnFault != nil {
				s.o.OnFault(err)
			}
		}
		b.Poke()
		return
	}
	s.counts = append(s.counts, int64(len(c.items)))
	b.recycle(c)
	b.pace.finish()
	b.Poke()
}

func (s *spiller) write(c *Block) (err error) {
	if s.spool == nil {
		if s.spool, err = spool.Open(s.o.Dir, &spool.Options{MaxBytes: s.o.Size}); err != nil {
			return err
		}
	}
	if s.record, err = appendBlock(s.record[:0], c); err != nil {
		return err
	}
	if int64(len(s.record))+spoolOverhead > s.o.Size {
		return spool.ErrFull // it never fits and stays in memory
	}
	return s.spool.Append(s.record)
}

// spoolOverhead is more than the bytes that a spool adds to a record.
const spoolOverhead = 64

// takeSpilled returns the next block that came before those in queue, nil if there is
// none. Wait says that the next block is being written to disk. The mutex is held,
// but not while the disk is read.
func (b *Buffer) takeSpilled() (c *Block, wait bool) {
	s := b.spill
	for {
		switch {
		case s == nil:
			return nil, false
		case len(s.head) > 0:
			c, s.head[0] = s.head[0], nil
			s.head = s.head[1:]
			return c, false
		case len(s.counts) == 0:
			if s.active && s.transit == nil && len(b.queue) == 0 {
				s.activate(false)
				s.head = nil
			}
			return nil, s.transit != nil
		}
		into := b.block()
		b.mu.Unlock()
		record, ok, err := s.spool.Next(s.back)
		s.back = record
		if ok && err == nil {
			err = into.read(record)
		}
		b.mu.Lock()
		lost := s.counts[:1]
		if bad, isBad := errors.AsType[*spool.CorruptError](err); isBad {
			lost = s.counts[:min(bad.Records, int64(len(s.counts)))]
		}
		s.counts = s.counts[len(lost):]
		s.full = false
		b.wakeSpiller()
		if ok && err == nil {
			if into.gap == nil {
				into.held = into.size()
				b.bytes += into.held
			}
			return into, false
		}
		b.lose(lost, err)
	}
}

// lose counts the events of blocks on disk that cannot be read as dropped. The mutex is
// held.
func (b *Buffer) lose(counts []int64, err error) {
	n := int64(0)
	for _, events := range counts {
		n += events
	}
	b.ledger.Waiting -= n
	b.ledger.Dropped += n
	b.progress.folded += n
	b.ledger.Gaps++
	now := time.Now()
	b.spill.head = append(b.spill.head, &Block{gap: &Gap{Reason: "overflow", From: now, To: now, Dropped: n}})
	if b.spill.o.OnFault != nil {
		b.spill.o.OnFault(fmt.Errorf("reading back what was spilled: %w", err))
	}
}

func (b *Buffer) wakeSpiller() {
	if b.spill != nil {
		notify(b.spill.wake)
	}
}

// Release stops the goroutine of the buffer and removes its files. The buffer must not
// be used any more.
func (b *Buffer) Release() error {
	s := b.spill
	if s == nil {
		return nil
	}
	close(s.stop)
	<-s.ended
	if s.spool == nil {
		return nil
	}
	return s.spool.Close()
}

// itemRecord is the number of bytes of an item in a record of the spool.
const itemRecord = 20

// appendBlock appends c as a record of the spool, which only this process reads: the
// number of items, the items, and the data; or 0 and the gap as JSON.
func appendBlock(dst []byte, c *Block) ([]byte, error) {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(c.items)))
	if c.gap != nil {
		text, err := json.Marshal(c.gap)
		return append(dst, text...), err
	}
	for _, it := range c.items {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(it.end))
		dst = binary.LittleEndian.AppendUint64(dst, uint64(it.received))
		dst = binary.LittleEndian.AppendUint32(dst, uint32(it.source))
	}
	return append(dst, c.data...), nil
}

var errRecord = errors.New("not a record of the spool")

// read sets b to the block in record. It copies everything.
func (b *Block) read(record []byte) error {
	if len(record) < 4 {
		return errRecord
	}
	n, rest := int(binary.LittleEndian.Uint32(record)), record[4:]
	if n == 0 {
		b.gap = &Gap{}
		return json.Unmarshal(rest, b.gap)
	}
	if len(rest)/itemRecord < n {
		return errRecord
	}
	data := rest[n*itemRecord:]
	last := 0
	for range n {
		it := item{
			end:      int(binary.LittleEndian.Uint64(rest)),
			received: int64(binary.LittleEndian.Uint64(rest[8:])),
			source:   int32(binary.LittleEndian.Uint32(rest[16:])),
		}
		if it.end <= last || it.end > len(data) {
			return errRecord
		}
		last = it.end
		b.items = append(b.items, it)
		rest = rest[itemRecord:]
	}
	b.data = append(b.data, data...)
	return nil
}
