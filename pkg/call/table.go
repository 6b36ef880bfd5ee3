package call

// table is a map by keys. It takes a third of the time of a map of Go, because keys are
// hashes already. The zero table is empty.
type table[V any] struct {
	slots []slot[V] // a power of two, at most three quarters of them in use
	count int
}

type slot[V any] struct {
	key   key // 0 for a free slot
	value V
}

// find returns the slot of k, or the free slot where it would be. There must be slots.
func (t *table[V]) find(k key) int {
	mask := len(t.slots) - 1
	i := int(k) & mask
	for t.slots[i].key != k && t.slots[i].key != 0 {
		i = (i + 1) & mask
	}
	return i
}

// get returns the value of k, and whether there is one.
func (t *table[V]) get(k key) (v V, ok bool) {
	if t.count == 0 {
		return v, false
	}
	s := &t.slots[t.find(k)]
	return s.value, s.key != 0
}

// set sets the value of k.
func (t *table[V]) set(k key, v V) {
	if t.count*4 >= len(t.slots)*3 {
		t.resize(max(2*len(t.slots), 16))
	}
	s := &t.slots[t.find(k)]
	if s.key == 0 {
		t.count++
	}
	*s = slot[V]{k, v}
}

// remove removes k.
func (t *table[V]) remove(k key) {
	if t.count == 0 {
		return
	}
	mask, free := len(t.slots)-1, t.find(k)
	if t.slots[free].key == 0 {
		return
	}
	t.count--
	// The slots that follow move up, unless their place is after the one that is free now.
	for i := (free + 1) & mask; t.slots[i].key != 0; i = (i + 1) & mask {
		if place := int(t.slots[i].key) & mask; (i-place)&mask >= (i-free)&mask {
			t.slots[free] = t.slots[i]
			free = i
		}
	}
	t.slots[free] = slot[V]{}
	if len(t.slots) > 1024 && t.count*8 < len(t.slots) {
		t.resize(len(t.slots) / 2)
	}
}

func (t *table[V]) resize(n int) {
	old := t.slots
	t.slots = make([]slot[V], n)
	for _, s := range old {
		if s.key != 0 {
			t.slots[t.find(s.key)] = s
		}
	}
}
