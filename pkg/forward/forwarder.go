package forward

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/spool"
)

const (
	// maxUnnoted bounds the items that are delivered, or being delivered, without a note on
	// disk: at most this number are delivered again after the process was killed.
	maxUnnoted = 1000
	// noteEvery is how many delivered items share a note, and noteAfter how long one waits
	// for it.
	noteEvery = 250
	noteAfter = 20 * time.Millisecond

	minBackoff = 200 * time.Millisecond
	maxBackoff = 30 * time.Second
	// maxProbe bounds the time between two tries of a target that does not answer anything.
	maxProbe = 2 * time.Second
	// statusEvery is how often the status file is written while its counts change.
	statusEvery = 250 * time.Millisecond
)

// Forwarder is the queue of one target, and delivers it. Its methods are safe for
// concurrent use.
type Forwarder struct {
	o    Options
	root *os.Root
	q    *spool.Queue
	// deadRoot is where dead letters go: root, unless dead letters are delivered.
	deadRoot  *os.Root
	delivered *os.File

	ctx      context.Context // of deliveries
	cancel   context.CancelFunc
	dirty    chan struct{} // holds a value when something is to be synced
	added    chan struct{} // holds a value when something is to be delivered
	ended    chan struct{} // closed by Close
	work     sync.WaitGroup
	beside   sync.WaitGroup
	adding   sync.Mutex // held by Add
	deadFile sync.Mutex // held while a dead letter is written
	start    time.Time

	mu         sync.Mutex
	cond       *sync.Cond // something has changed
	timer      *time.Timer
	armed      time.Time // when timer fires, zero for never
	window     *window
	delivering map[*entry]bool
	acked      uint64  // items before it are done with
	done       offsets // items after it that are done with
	unnoted    int     // items that are done with since the last note
	noteDue    time.Time
	failing    int  // deliveries without an answer in a row
	failed     bool // the last delivery failed
	probe      time.Time
	draining   bool
	closing    bool
	readError  time.Time // do not read the queue before this time
	totals     Totals
	before     Counts // when it was opened
	unreadable int64  // lines that OpenRetry could not read
	lastError  string
	errorAt    *time.Time // nil if there was none, or a version before noted it
	changed    bool       // since the status file was written
	removed    bool       // the files of the queue were removed, and it is closed
}

// Open opens the queue in the directory dir, which it makes if need be, and starts to
// deliver what it holds. The error wraps a [*spool.InUseError] if another Forwarder, of this
// or another process, has it open.
func Open(dir string, o *Options) (*Forwarder, error) { return open(dir, "", o) }

// open is Open. Dead letters go to the directory dead, unless it is empty.
func open(dir, dead string, o *Options) (*Forwarder, error) {
	if o == nil || o.Target == nil {
		return nil, errors.New("forward: there is no target")
	}
	f := &Forwarder{
		o: *o, dirty: make(chan struct{}, 1), added: make(chan struct{}, 1), ended: make(chan struct{}), start: time.Now(),
		window: newWindow(), delivering: map[*entry]bool{},
	}
	f.o.Batch = min(max(f.o.Batch, 1), MaxBatch)
	if f.o.Concurrency <= 0 {
		f.o.Concurrency = 16
	}
	var err error
	if f.q, err = spool.Open(dir, &spool.Options{MaxBytes: f.o.MaxBytes, Durable: true}); err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	if f.root, err = os.OpenRoot(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("forward: %w", err), f.q.Close())
	}
	f.deadRoot = f.root
	if dead != "" {
		if f.deadRoot, err = os.OpenRoot(dead); err != nil {
			return nil, errors.Join(fmt.Errorf("forward: %w", err), f.q.Close(), f.root.Close())
		}
	}
	if s, err := readStatus(f.root); err == nil {
		f.totals, f.lastError, f.errorAt = s.Totals, s.LastError, s.LastErrorAt
	}
	f.acked = f.q.ReadOffset()
	if err := f.openDelivered(); err != nil {
		if f.deadRoot != f.root {
			_ = f.deadRoot.Close()
		}
		return nil, errors.Join(fmt.Errorf("forward: %w", err), f.q.Close(), f.root.Close())
	}
	f.before = Counts{Waiting: f.waitingItems(), Totals: f.totals}
	f.changed = true
	if n := f.q.Truncated(); n > 0 {
		f.report(fmt.Errorf("the last %d bytes of the queue are no whole event, as after a loss of power: they were removed", n))
	}
	f.cond = sync.NewCond(&f.mu)
	f.timer = time.AfterFunc(time.Hour, f.wakeAll)
	f.ctx, f.cancel = context.WithCancel(context.Background())
	for range f.o.Concurrency {
		f.work.Go(f.deliverAll)
	}
	f.beside.Go(f.keep)
	f.beside.Go(f.wakeOne)
	if p, ok := f.o.Target.(preparer); ok {
		f.beside.Go(func() { f.prepare(p) })
	}
	if f.o.Sync >= 0 {
		f.beside.Go(f.syncAll)
	}
	return f, nil
}

// openDelivered opens and reads the file of delivered offsets. Its totals take the place of those
// in the status file, which may be older.
func (f *Forwarder) openDelivered() (err error) {
	if f.delivered, err = f.root.OpenFile(deliveredName, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if info, err := f.delivered.Stat(); err == nil && info.Size() == 0 {
		_ = f.done.writeDelivered(f.delivered, f.totals) // room for both slots when the disk is full
	}
	done, totals := readDelivered(f.delivered)
	if f.done = done; totals != nil {
		f.totals = *totals
	}
	if n := len(f.done); n > 0 && f.done[n-1].end > f.acked+uint64(f.q.Len()) {
		// The file belongs to a queue that was removed.
		f.done = nil
		return f.done.writeDelivered(f.delivered, f.totals)
	}
	f.done.removeBefore(f.acked)
	return nil
}

// Add adds items, as records of [AppendRecord], and does not keep the slices. When it
// returns they are on disk, so that a process which is killed does not lose them. If there
// is no room the oldest items are dropped, or, if none is left, these.
func (f *Forwarder) Add(records ...[]byte) {
	f.adding.Lock()
	f.append(records)
	f.adding.Unlock()
	for _, c := range [...]chan struct{}{f.dirty, f.added} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// wakeOne wakes a worker when something was added. Add does not do it because mu may be
// held while a note is written.
func (f *Forwarder) wakeOne() {
	for {
		select {
		case <-f.added:
			f.mu.Lock()
			f.cond.Signal()
			f.mu.Unlock()
		case <-f.ended:
			return
		}
	}
}

// report passes on an error of the queue.
func (f *Forwarder) report(err error) {
	f.mu.Lock()
	f.noteError(err.Error())
	f.mu.Unlock()
	if f.o.OnError != nil {
		f.o.OnError(err)
	}
}

// wakeAll wakes all workers.
func (f *Forwarder) wakeAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = time.Time{}
	f.cond.Broadcast()
}

// arm lets the workers wake at the time at, unless it is zero. mu is held.
func (f *Forwarder) arm(at time.Time) {
	if at.IsZero() || !f.armed.IsZero() && !at.Before(f.armed) {
		return
	}
	f.armed = at
	f.timer.Reset(max(time.Until(at), 0))
}

// note writes down what is delivered and the totals, if anything new is. The set still has what
// is acknowledged next: a process that is killed between the two writes has both. mu is held.
func (f *Forwarder) note() {
	if f.unnoted == 0 {
		return
	}
	failed := f.done.writeDelivered(f.delivered, f.totals)
	prefix := f.acked
	if len(f.done) > 0 && f.done[0].begin == f.acked {
		prefix = f.done[0].end
	}
	if prefix > f.acked {
		if err := f.q.Ack(prefix); err != nil {
			f.noteFailed(err)
			return
		}
		f.acked = prefix
		f.done.removeBefore(prefix)
	}
	if failed != nil {
		f.noteFailed(failed)
		return
	}
	f.unnoted, f.noteDue = 0, time.Time{}
}

// noteFailed is called when a note could not be written: on a full disk it is tried again.
// mu is held.
func (f *Forwarder) noteFailed(err error) {
	f.noteError(err.Error())
	f.noteDue = time.Now().Add(time.Second)
	if f.o.OnError != nil {
		f.o.OnError(fmt.Errorf("what is delivered cannot be noted: %w", err))
	}
}

// Counts returns the counts.
func (f *Forwarder) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := Counts{Waiting: f.waitingItems(), Totals: f.totals}
	if c.Waiting == 0 {
		return c
	}
	c.Bytes = f.q.Bytes()
	if e := f.window.oldest(f.delivering); e != nil {
		c.Oldest = e.Received
	}
	return c
}

// Before returns the counts at the time when the Forwarder was opened, without Bytes and
// Oldest.
func (f *Forwarder) Before() Counts { return f.before }

// waitingItems returns the number of items that are not delivered. mu is held.
func (f *Forwarder) waitingItems() int64 {
	if f.removed {
		return 0
	}
	return int64(f.q.ReadOffset()-f.acked) + f.q.Len() - int64(f.done.count())
}

// Drain waits until everything is delivered, or ctx is done, and returns how many items
// wait then. Batches no longer wait to be filled.
func (f *Forwarder) Drain(ctx context.Context) int64 {
	stop := context.AfterFunc(ctx, f.wakeAll)
	defer stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.draining = true
	f.cond.Broadcast()
	for f.waitingItems() > 0 && ctx.Err() == nil && !f.closing {
		f.cond.Wait()
	}
	return f.waitingItems()
}

// Close begins no more deliveries, waits for those that are under way until ctx is done, and
// closes the queue and the target. What is not delivered stays in the queue.
func (f *Forwarder) Close(ctx context.Context) error {
	f.mu.Lock()
	if f.closing {
		f.mu.Unlock()
		return nil
	}
	f.closing = true
	f.cond.Broadcast()
	f.mu.Unlock()
	close(f.ended)
	stop := context.AfterFunc(ctx, f.cancel)
	f.work.Wait()
	stop()
	f.cancel()
	f.beside.Wait()
	f.timer.Stop()
	var err error
	if f.deadRoot != f.root {
		err = errors.Join(f.giveBack(), f.deadRoot.Close())
	}
	f.mu.Lock()
	f.note()
	f.changed = true
	lost := int64(0)
	if f.q.Removed() {
		lost, f.removed = f.waitingItems(), true
	}
	f.mu.Unlock()
	f.drop(DropRemoved, lost)
	f.writeStatus()
	return errors.Join(err, f.q.Close(), f.delivered.Close(), f.root.Close(), f.o.Target.Close())
}
