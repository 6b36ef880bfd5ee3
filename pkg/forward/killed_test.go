package forward

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestCountsAfterKill: what a process leaves that is killed at any moment, also between the two
// writes of a note, counts each event once.
func TestCountsAfterKill(t *testing.T) {
	t.Parallel()
	const total = 3000
	dir := t.TempDir()
	target := &fake{deliver: func(items []*Item) []Result {
		results := forAll(len(items), Result{Verdict: Done})
		for i := range results {
			results[i].Verdict = []Verdict{Done, Known}[rand.IntN(2)]
		}
		return results
	}}
	f, err := Open(dir, &Options{Target: target, Batch: 3, MaxBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var left []string // copies of the directory
	leave := func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		into := t.TempDir()
		between := len(left)%2 == 1
		acked, err := os.ReadFile(filepath.Join(dir, "acked"))
		if err != nil {
			t.Fatal(err)
		}
		if between {
			f.note()
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(files, filepath.Join(dir, "acked"), filepath.Join(dir, deliveredName)) {
			var data []byte
			if data, err = os.ReadFile(name); between && filepath.Base(name) == "acked" {
				data = acked
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(into, filepath.Base(name)), data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		left = append(left, into)
	}
	for n := range total {
		f.Add(makeRecord(n%50, n/50))
	}
	for before := int64(total); before > 0; {
		if n := f.Counts().Waiting; n < before-200 || n == 0 {
			leave()
			before = n
		}
		runtime.Gosched()
	}
	leave()
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, into := range left {
		s, err := Inspect(into)
		if err != nil || s.Delivered+s.AlreadyThere+s.Waiting != total {
			t.Fatalf("%d of %d: %+v, %v", i, len(left), s, err)
		}
		f, err := Open(into, &Options{Target: &fake{deliver: func(items []*Item) []Result { return forAll(len(items), Result{Verdict: Done}) }}})
		if err != nil {
			t.Fatal(err)
		}
		if n := f.Drain(t.Context()); n != 0 {
			t.Errorf("%d wait", n)
		}
		if c := f.Counts(); c.Delivered+c.AlreadyThere != total {
			t.Fatalf("%d of %d: %+v", i, len(left), c)
		}
		if err := f.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
