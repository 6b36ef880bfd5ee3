package forward

import (
	"context"
	"errors"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/spool"
)

// deliverAll delivers until the Forwarder is closed.
func (f *Forwarder) deliverAll() {
	for {
		batch := f.next()
		if batch == nil {
			return
		}
		f.deliver(batch)
	}
}

// prepare prepares the target, and reports a failure as a failed delivery.
func (f *Forwarder) prepare(p preparer) {
	err := p.Prepare(f.ctx)
	if err == nil || f.ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	f.noteError(err.Error())
	f.failed = true
	f.mu.Unlock()
	if f.o.OnFailure != nil {
		f.o.OnFailure(Result{Verdict: Unreachable, Reason: cut(err.Error()), Err: err})
	}
}

// next waits for entries to deliver. It returns nil once the Forwarder is closed.
func (f *Forwarder) next() []*entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.closing {
		now := time.Now()
		if f.unnoted >= noteEvery || f.unnoted > 0 && !now.Before(f.noteDue) {
			f.note()
		}
		due := f.window.release(now, false)
		expired := f.load(now)
		if expired > 0 {
			f.countDropped(int64(expired))
			f.mu.Unlock()
			f.sayDropped(DropAge, int64(expired))
			f.mu.Lock()
			continue
		}
		wait := f.mayDeliver(now)
		if wait.IsZero() {
			if batch := f.take(now); batch != nil {
				if f.window.waiting > 0 {
					f.cond.Signal()
				}
				return batch
			}
			if len(f.window.ready.list) > 0 {
				if wait = f.window.ready.list[0].head().loaded.Add(f.o.BatchWait); !wait.After(now) {
					wait = time.Time{} // it waits for a note, or for those that are being delivered
				}
			}
		}
		f.arm(due)
		f.arm(wait)
		f.arm(f.readError)
		if f.unnoted > 0 {
			f.arm(f.noteDue)
		}
		f.cond.Wait()
	}
	return nil
}

// mayDeliver returns zero if a delivery may begin now, or else when to look again: at a
// target that does not answer, one delivery at a time finds out whether it does again. mu
// is held.
func (f *Forwarder) mayDeliver(now time.Time) time.Time {
	if f.failing < 2*f.o.Concurrency {
		return time.Time{}
	}
	if len(f.delivering) > 0 {
		return now.Add(time.Hour) // whoever delivers wakes the others
	}
	if now.Before(f.probe) {
		return f.probe
	}
	return time.Time{}
}

// take takes a batch, nil if there is none yet. mu is held.
func (f *Forwarder) take(now time.Time) []*entry {
	w := f.window
	if len(w.ready.list) == 0 {
		return nil
	}
	if w.waiting < f.o.Batch && !f.draining && now.Before(w.ready.list[0].head().loaded.Add(f.o.BatchWait)) {
		return nil
	}
	room := maxUnnoted - f.unnoted - len(f.delivering)
	if room < f.o.Batch && f.unnoted > 0 {
		f.note()
		room = maxUnnoted - f.unnoted - len(f.delivering)
	}
	if room < f.o.Batch {
		return nil // whoever delivers wakes the others
	}
	batch := w.take(f.o.Batch)
	for _, e := range batch {
		f.delivering[e] = true
	}
	return batch
}

// load reads entries from the queue until there are enough for a batch, and returns how
// many it left out because they are too old. mu is held.
func (f *Forwarder) load(now time.Time) (expired int) {
	if now.Before(f.readError) {
		return 0
	}
	f.readError = time.Time{}
	for f.window.waiting < f.o.Batch && !f.window.full() {
		record, ok, err := f.q.Next(nil)
		offset := f.q.ReadOffset() - 1
		var corrupt *spool.CorruptError
		switch {
		case errors.As(err, &corrupt):
			f.lose(corrupt.Records, err)
			continue
		case err != nil:
			f.noteError(err.Error())
			f.readError = now.Add(time.Second)
			return expired
		case !ok:
			return expired
		}
		if _, done := f.done.has(offset); done {
			continue
		}
		e := &entry{offset: offset, loaded: now}
		if e.Item, err = ParseRecord(record); err != nil {
			f.lose(1, err)
			continue
		}
		if f.tooOld(e, now) {
			f.finish(e)
			expired++
			continue
		}
		f.window.add(e)
	}
	return expired
}

// lose counts the last n records that were read as lost. mu is held.
func (f *Forwarder) lose(n int64, err error) {
	end := f.q.ReadOffset()
	begin := max(end-uint64(n), f.acked)
	for at := begin; at < end; { // some of them may have been delivered
		if past, done := f.done.has(at); done {
			at, n = past, n-int64(past-at)
			continue
		}
		f.done.add(at, at+1)
		at++
	}
	f.noteLater(int(end - begin))
	f.totals.Dropped += n
	f.noteError(err.Error())
	if f.o.OnError != nil {
		f.o.OnError(err)
	}
	if f.o.OnDrop != nil {
		f.o.OnDrop(DropDamaged, n)
	}
}

// deliver delivers a batch and says what became of it.
func (f *Forwarder) deliver(batch []*entry) {
	var results []Result
	if batch[0].letter != nil { // it is refused already
		results = []Result{f.writeLetter(batch[0])}
	} else {
		results = f.attempt(batch)
		for i, e := range batch {
			if results[i].Verdict == Dead {
				results[i] = f.refused(e, results[i])
			}
		}
	}
	if f.complete(batch, results) && f.o.OnRecovery != nil {
		f.o.OnRecovery()
	}
}

// refused makes a dead letter of an entry that the target refuses.
func (f *Forwarder) refused(e *entry, r Result) Result {
	e.attempts++
	e.letter, e.alone = f.letter(e, &r), true
	f.mu.Lock()
	f.noteError(r.Reason)
	f.mu.Unlock()
	if f.o.OnDead != nil {
		f.o.OnDead(&e.Item, r)
	}
	return f.writeLetter(e)
}

// attempt hands a batch to the target.
func (f *Forwarder) attempt(batch []*entry) []Result {
	items := make([]*Item, len(batch))
	for i, e := range batch {
		items[i] = &e.Item
	}
	began := time.Now()
	results := f.o.Target.Deliver(f.ctx, items)
	if f.o.OnDelivery != nil {
		f.o.OnDelivery(time.Since(began))
	}
	if len(results) != len(batch) {
		results = forAll(len(batch), Result{Verdict: Again, Reason: "the target has said nothing of some events"})
	}
	if f.ctx.Err() != nil {
		return results // an end of this process is no failure of the target
	}
	for i := range results {
		if v := results[i].Verdict; (v == Again || v == Unreachable) && f.o.OnFailure != nil {
			f.o.OnFailure(results[i])
			break
		}
	}
	return results
}

// complete puts back the items that are to be tried again, and counts the others. It reports
// whether the target has recovered.
func (f *Forwarder) complete(batch []*entry, results []Result) (recovered bool) {
	f.mu.Lock()
	dropped := map[DropReason]int64{}
	answered, unanswered, refused := false, false, false
	for i, e := range batch {
		delete(f.delivering, e)
		r := &results[i]
		switch r.Verdict {
		case Done:
			f.totals.Delivered++
			answered = true
		case Known:
			f.totals.AlreadyThere++
			answered = true
		case Dead: // its letter is written
			f.totals.Dead++
			answered = true
		default:
			if e.dropped != "" {
				dropped[e.dropped]++
				f.window.remove(e)
				continue
			}
			unanswered = unanswered || r.Verdict == Unreachable
			refused = refused || r.Verdict == Again
			f.retry(e, r)
			continue
		}
		f.window.remove(e)
		f.finish(e)
	}
	for _, e := range batch {
		if e.lane.in == nil && e.lane.taken > 0 {
			f.window.put(e.lane)
		}
	}
	f.outage(answered || refused && !unanswered, unanswered)
	if answered {
		recovered, f.failed = f.failed, false
	} else if unanswered || refused {
		f.failed = true
	}
	if f.unnoted >= noteEvery {
		f.note()
	}
	f.cond.Signal()
	if f.closing || f.draining || f.failing > 0 || len(f.delivering) == 0 {
		f.cond.Broadcast()
	}
	f.mu.Unlock()
	for reason, n := range dropped {
		f.drop(reason, n)
	}
	return recovered
}

// retry makes an entry wait for its next delivery. mu is held.
func (f *Forwarder) retry(e *entry, r *Result) {
	if r.Verdict == Split {
		e.attempts++
		e.alone, e.due = true, time.Time{}
		return
	}
	if f.ctx.Err() != nil {
		return
	}
	if r.Reason != "" {
		f.noteError(r.Reason)
	}
	wait := max(r.After, minBackoff)
	if r.After <= 0 {
		wait = backoff(e.failures, maxBackoff)
	}
	e.attempts++
	e.failures++
	e.due, e.asked = time.Now().Add(wait), r.Verdict != Unreachable
}

// backoff returns how long to wait after that number of tries.
func backoff(tries int, most time.Duration) time.Duration {
	return min(minBackoff<<min(tries, 20), most)
}

// outage follows whether the target answers at all. mu is held.
func (f *Forwarder) outage(answered, unanswered bool) {
	switch {
	case answered:
		if f.failing >= 2*f.o.Concurrency {
			f.window.release(time.Now(), true)
		}
		f.failing = 0
	case unanswered:
		f.failing++
		over := f.failing - 2*f.o.Concurrency
		f.probe = time.Now().Add(backoff(max(over, 0), maxProbe))
	}
}

// Check finds out whether the target can be reached, and sends nothing.
func (f *Forwarder) Check(ctx context.Context) error { return f.o.Target.Check(ctx) }
