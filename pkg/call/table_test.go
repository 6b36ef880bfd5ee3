package call

import (
	"math/rand/v2"
	"testing"
)

// TestTable compares a table with a map, with keys that share their places.
func TestTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var got table[int]
	want := map[key]int{}
	for i := range 200_000 {
		k := key(1+r.IntN(3000)) << (4 * r.IntN(2))
		grows := i/20_000%2 == 0
		switch n := r.IntN(3); {
		case n == 0 || n == 1 && grows:
			got.set(k, i)
			want[k] = i
		case n == 1 || !grows:
			got.remove(k)
			delete(want, k)
		}
		v, ok := got.get(k)
		if w, has := want[k]; v != w || ok != has || got.count != len(want) {
			t.Fatalf("%d: %d, %v of %d, want %d, %v of %d", k, v, ok, got.count, w, has, len(want))
		}
	}
	for k := range want {
		got.remove(k)
	}
	if got.count != 0 || len(got.slots) > 1024 {
		t.Errorf("%d keys in %d slots", got.count, len(got.slots))
	}
}
