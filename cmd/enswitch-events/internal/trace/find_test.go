package trace

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"testing"
)

// TestForget finds more calls than are noted: the latest ones are, with the time of their
// first event, and all others are counted once.
func TestForget(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	n := &Narrow{t: &Trace{o: Options{Count: 1}}, matches: map[hash]*match{}, seed: maphash.MakeSeed(), most: maxMatches}
	hashOf := func(id string) hash { return hash(maphash.String(n.seed, id)) }
	const calls = 5 * maxMatches / 2
	first := make([]int64, calls)
	for i := range 3 * calls {
		call := min(i/3+r.IntN(100)*r.IntN(2), calls-1)
		if r.IntN(100) == 0 {
			call = r.IntN(calls)
		}
		at := int64(1_000_000 + i + r.IntN(1000))
		if first[call] == 0 || at < first[call] {
			first[call] = at
		}
		id := fmt.Sprint("call", call)
		n.note(&found{ids: [len(idNames)]span{{}, {0, len(id)}, {}}, time: at}, []byte(id))
	}
	came, noted := 0, 0
	for call, at := range first {
		m := n.matches[hashOf(fmt.Sprint("call", call))]
		if at > 0 {
			came++
		}
		switch {
		case m == nil && at > n.earlier.latest:
			t.Errorf("seed %d: call %d of %d is not noted: the latest that is not is of %d", seed, call, at, n.earlier.latest)
		case m == nil:
		case m.first != at:
			t.Errorf("seed %d: call %d is of %d, not %d", seed, call, m.first, at)
		default:
			noted++
		}
	}
	if noted < maxMatches/2 {
		t.Errorf("seed %d: %d are noted", seed, noted)
	}
	ids := map[hash]bool{hashOf("call0"): true, hashOf("call1"): true, hashOf("other"): true}
	known := 0
	for call, at := range first[:2] {
		if at > 0 && n.matches[hashOf(fmt.Sprint("call", call))] == nil {
			known++
		}
	}
	if got := n.earlier.count(ids); got != came-noted-known || n.earlier.over {
		t.Errorf("seed %d: %d are counted beside those that are noted, want %d", seed, got, came-noted-known)
	}
}
