package forward

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var totals = Totals{Delivered: 1, Dead: 2, Dropped: 3, AlreadyThere: 1 << 40}

// TestOffsets compares a set of offsets with a map, and reads it as it was written.
func TestOffsets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var o offsets
		all := map[uint64]bool{}
		for _, n := range rapid.SliceOfNDistinct(rapid.Uint64Range(0, 200), 0, 150, rapid.ID).Draw(t, "offsets") {
			o.add(n, n+1)
			all[n] = true
		}
		before := rapid.Uint64Range(0, 220).Draw(t, "before")
		removed := uint64(0)
		for n := range all {
			if n < before {
				removed++
				delete(all, n)
			}
		}
		if got := o.removeBefore(before); got != removed {
			t.Fatalf("removed %d, want %d", got, removed)
		}
		for n := range uint64(210) {
			if _, ok := o.has(n); ok != all[n] {
				t.Fatalf("has %d: %v", n, ok)
			}
		}
		if o.count() != uint64(len(all)) {
			t.Fatalf("count is %d, want %d", o.count(), len(all))
		}
		data := o.encode(nil, totals)
		got, counts, ok := decodeOffsets(append(slices.Clone(data), 7))
		if !ok || *counts != totals || !slices.Equal(got, o) {
			t.Fatalf("got %v, want %v", got, o)
		}
		data[rapid.IntRange(0, len(data)-1).Draw(t, "damaged")] ^= 1
		if _, _, ok := decodeOffsets(data); ok {
			t.Fatal("damaged data is taken")
		}
	})
}

// TestDelivered reads the file of delivered offsets after either slot was damaged.
func TestDelivered(t *testing.T) {
	t.Parallel()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "f"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := offsets{{1, 2}, {5, 9}}
	for _, at := range []int64{0, slotDistance} {
		if err := want.writeDelivered(f, totals); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("torn"), at+10); err != nil {
			t.Fatal(err)
		}
		if got, counts := readDelivered(f); !slices.Equal(got, want) || *counts != totals {
			t.Errorf("got %v, %v", got, counts)
		}
	}
}
