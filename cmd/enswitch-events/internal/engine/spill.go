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
//	head    blocks in memory that the worker takes next
//	disk    blocks in a spool
//	queue   blocks in memory that came last
//
// Sources put into queue, and wait for the disk no longer than pace says. When
// memory is three quarters full, a goroutine moves blocks from the front of
// queue to the disk, until it is half full. The worker takes from head, then
// from the disk, then from queue, so order holds. Without a spool head and disk
// stay empty.

// Spill says how a Buffer goes on when its memory is full.
type Spill struct {
	// Dir is where the spool makes a directory of its own.
	Dir string
	// Size bounds the bytes on disk. 0 means no spilling.
	Size int64
	// OnSpill is called when events begin to go to disk and have not done so
	// for a second, and OnFault when the disk cannot be used: what is in memory
	// and on disk is still kept. They must not call the Buffer.
	OnSpill func()
	OnFault func(error)
}

// spiller moves blocks to disk and back.
type spiller struct {
	o     Spill
	wake  chan struct{}
	stop  chan struct{}
	ended chan struct{}

	// These are used with the buffer's mutex held.
	head    []*Block
	transit *Block    // being written
	counts  []int64   // events of each block on disk, oldest first
	active  bool      // something has gone to disk since all was empty
	last    time.Time // when active was set or cleared
	full    bool      // the spool has no room; wait for the worker to take some
	failed  bool

	spool  *spool.Queue // opened by the spilling goroutine
	record []byte       // of the spilling goroutine
	back   []byte       // of the worker
}

func newSpiller(o Spill) *spiller {
	return &spiller{o: o, wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
}

// spillWanted reports whether there is something to move to disk. The mutex is
// held.
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

// keepHead puts the oldest quarter of the memory aside for the worker, when
// nothing is on disk yet. The mutex is held.
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

// spillApart is how long nothing has waited on disk when it is told again that
// something does.
const spillApart = time.Second

// activate sets active, and reports whether that has not changed for a time.
func (s *spiller) activate(active bool) (rested bool) {
	now := time.Now()
	rested = now.Sub(s.last) >= spillApart
	s.active, s.last = active, now
	return rested
}

// spillOne moves the front of queue to the disk. The mutex is held at the
// beginning and at the end, but not in between.
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
		b.signal()
		return
	}
	s.counts = append(s.counts, int64(len(c.items)))
	b.recycle(c)
	b.pace.finish()
	b.signal()
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
		return spool.ErrFull // it never fits, and waits in memory for the worker
	}
	return s.spool.Append(s.record)
}

// spoolOverhead is more than what a spool needs beside a record.
const spoolOverhead = 64

// takeSpilled returns the next block that came before those in queue. ok is
// false if there is none; a nil block then with wait true is on its way to the
// disk. The mutex is held, but not while the disk is read.
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

// lose books blocks that were on disk and cannot be read as dropped. The mutex
// is held.
func (b *Buffer) lose(counts []int64, err error) {
	n := int64(0)
	for _, events := range counts {
		n += events
	}
	b.ledger.Waiting -= n
	b.ledger.Dropped += n
	b.ledger.Gaps++
	now := time.Now()
	b.spill.head = append(b.spill.head, &Block{gap: &Gap{Reason: "overflow", From: now, To: now, Dropped: n}})
	if b.spill.o.OnFault != nil {
		b.spill.o.OnFault(fmt.Errorf("reading back what was spilled: %w", err))
	}
}

func (b *Buffer) wakeSpiller() {
	if b.spill == nil {
		return
	}
	select {
	case b.spill.wake <- struct{}{}:
	default:
	}
}

// Release ends what the buffer runs and removes what it has on disk. Nothing
// may be put in or taken out any more.
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

// What a record of the spool holds: a byte that says which, then a gap as
// JSON, or the number of items, the items, and the data. Only this process
// reads it back.
const (
	recordGap    = 'g'
	recordEvents = 'e'
	itemRecord   = 20 // bytes of an item
)

func appendBlock(dst []byte, c *Block) ([]byte, error) {
	if c.gap != nil {
		text, err := json.Marshal(c.gap)
		return append(append(dst, recordGap), text...), err
	}
	dst = append(dst, recordEvents)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(c.items)))
	for _, it := range c.items {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(it.end))
		dst = binary.LittleEndian.AppendUint64(dst, uint64(it.received))
		dst = binary.LittleEndian.AppendUint32(dst, uint32(it.source))
	}
	return append(dst, c.data...), nil
}

var errRecord = errors.New("not a record of the spool")

// read makes b the block that record holds, with memory of its own.
func (b *Block) read(record []byte) error {
	if len(record) == 0 {
		return errRecord
	}
	kind, rest := record[0], record[1:]
	if kind == recordGap {
		b.gap = &Gap{}
		return json.Unmarshal(rest, b.gap)
	}
	if kind != recordEvents || len(rest) < 4 {
		return errRecord
	}
	n := int(binary.LittleEndian.Uint32(rest))
	if rest = rest[4:]; len(rest)/itemRecord < n {
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
