package forward

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// entry is an item in memory that is not delivered yet.
type entry struct {
	Item
	offset   uint64
	lane     *lane
	attempts int // how often it was sent
	failures int // how often it is to be sent again after a while
	loaded   time.Time
	due      time.Time  // do not deliver it before this time
	asked    bool       // the target asked to wait until then
	alone    bool       // it is delivered in no batch
	dropped  DropReason // why it is not delivered again, empty if it is
	letter   []byte     // what is to be written to the file of dead letters, nil before
}

// size is about how much memory e takes.
func (e *entry) size() int64 {
	return int64(len(e.Payload)+len(e.Class)+len(e.Event)+len(e.Key)+len(e.Machine)) + 200
}

// lane is the entries of one key, oldest first. It is free, and in the heap of ready or of
// held lanes, or else its first taken entries are being delivered.
type lane struct {
	key     string
	entries []*entry
	taken   int
	in      *lanes // the heap that it is in, nil while it is being delivered
	index   int    // in that heap
}

func (l *lane) head() *entry { return l.entries[l.taken] }

// lanes is a heap.
type lanes struct {
	list []*lane
	less func(a, b *lane) bool
}

func (h *lanes) Len() int           { return len(h.list) }
func (h *lanes) Less(i, j int) bool { return h.less(h.list[i], h.list[j]) }
func (h *lanes) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].index, h.list[j].index = i, j
}

func (h *lanes) Push(x any) {
	l := x.(*lane)
	l.index, l.in = len(h.list), h
	h.list = append(h.list, l)
}

func (h *lanes) Pop() any {
	n := len(h.list) - 1
	l := h.list[n]
	h.list[n] = nil
	h.list = h.list[:n]
	l.in = nil
	return l
}

// The bounds of what is in memory, delivered or held back.
const (
	maxLoaded      = 10_000
	maxLoadedBytes = 48 << 20
	maxBatchBytes  = 8 << 20
)

// window is the entries that are in memory. Any worker takes the oldest one whose key is
// not being delivered and not held back.
type window struct {
	keys    map[string]*lane
	ready   lanes // by the offset of the first entry
	held    lanes // by the time at which they are ready
	loaded  int
	bytes   int64
	waiting int // entries in lanes that are ready
}

func newWindow() *window {
	return &window{
		keys:  map[string]*lane{},
		ready: lanes{less: func(a, b *lane) bool { return a.head().offset < b.head().offset }},
		held:  lanes{less: func(a, b *lane) bool { return a.head().due.Before(b.head().due) }},
	}
}

// full reports whether the window takes no more entries.
func (w *window) full() bool { return w.loaded >= maxLoaded || w.bytes >= maxLoadedBytes }

// add adds an entry, which comes after all others.
func (w *window) add(e *entry) {
	w.loaded++
	w.bytes += e.size()
	l := w.keys[e.Key]
	if l == nil || e.Key == "" {
		l = &lane{key: e.Key}
		if e.Key != "" {
			w.keys[e.Key] = l
		}
	}
	e.lane = l
	l.entries = append(l.entries, e)
	switch {
	case len(l.entries) == 1:
		w.waiting++
		heap.Push(&w.ready, l)
	case l.in == &w.ready:
		w.waiting++
	}
}

// take takes the oldest entries that are ready, at most n of them, in the order of the
// queue.
func (w *window) take(n int) (batch []*entry) {
	bytes := 0
	var whole []*lane // those of which entries were taken
	for len(batch) < n && len(w.ready.list) > 0 {
		l := w.ready.list[0]
		e := l.head()
		if len(batch) > 0 && (e.alone || bytes+len(e.Payload) > maxBatchBytes) {
			break
		}
		batch, bytes = append(batch, e), bytes+len(e.Payload)
		if l.taken == 0 {
			whole = append(whole, l)
		}
		if l.taken++; l.taken < len(l.entries) {
			heap.Fix(&w.ready, 0)
		} else {
			heap.Pop(&w.ready)
		}
		if e.alone {
			break
		}
	}
	for _, l := range whole {
		if l.in == &w.ready {
			heap.Remove(&w.ready, l.index)
		}
		w.waiting -= len(l.entries)
	}
	return batch
}

// remove removes an entry that is done with. put must be called for its lane.
func (w *window) remove(e *entry) {
	w.loaded--
	w.bytes -= e.size()
	l := e.lane
	i := slices.Index(l.entries, e)
	l.entries = slices.Delete(l.entries, i, i+1)
}

// put makes a lane free that was being delivered.
func (w *window) put(l *lane) {
	l.taken = 0
	if len(l.entries) == 0 {
		if w.keys[l.key] == l {
			delete(w.keys, l.key)
		}
		return
	}
	if l.head().due.IsZero() {
		w.waiting += len(l.entries)
		heap.Push(&w.ready, l)
		return
	}
	heap.Push(&w.held, l)
}

// release makes the lanes ready whose time has come, and all that need not wait any longer
// if early is set. It returns when the next one is ready, zero if none is held.
func (w *window) release(now time.Time, early bool) time.Time {
	if early {
		for _, l := range slices.Clone(w.held.list) {
			if !l.head().asked {
				heap.Remove(&w.held, l.index)
				l.head().due = time.Time{}
				w.put(l)
			}
		}
	}
	for len(w.held.list) > 0 {
		l := w.held.list[0]
		if due := l.head().due; due.After(now) {
			return due
		}
		heap.Pop(&w.held)
		l.head().due = time.Time{}
		w.put(l)
	}
	return time.Time{}
}

// forget removes the entries that are not being delivered and that gone reports, and
// returns how many that were.
func (w *window) forget(gone func(*entry) bool) (n int) {
	remove := func(e *entry) bool {
		if !gone(e) {
			return false
		}
		w.loaded--
		w.bytes -= e.size()
		n++
		return true
	}
	for _, l := range slices.Concat(w.ready.list, w.held.list) {
		if !slices.ContainsFunc(l.entries, gone) {
			continue
		}
		if l.in == &w.ready {
			w.waiting -= len(l.entries)
		}
		heap.Remove(l.in, l.index)
		l.entries = slices.DeleteFunc(l.entries, remove)
		w.put(l)
	}
	for _, l := range w.keys { // of those that are being delivered, the entries after
		if l.in == nil {
			behind := slices.DeleteFunc(l.entries[l.taken:], remove)
			l.entries = l.entries[:l.taken+len(behind)]
		}
	}
	return n
}

// oldest returns the oldest entry, nil if there is none; delivering are the entries that
// are being delivered.
func (w *window) oldest(delivering map[*entry]bool) (first *entry) {
	older := func(e *entry) {
		if first == nil || cmp.Compare(e.offset, first.offset) < 0 {
			first = e
		}
	}
	for _, l := range slices.Concat(w.ready.list, w.held.list) {
		older(l.entries[0])
	}
	for e := range delivering {
		older(e)
	}
	return first
}
