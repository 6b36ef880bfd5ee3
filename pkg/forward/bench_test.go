package forward

import (
	"fmt"
	"testing"
)

// BenchmarkForwarder adds and delivers items to a target that does nothing.
func BenchmarkForwarder(b *testing.B) {
	for _, batch := range []int{1, 100} {
		b.Run(fmt.Sprintf("batch %d", batch), func(b *testing.B) {
			target := &fake{deliver: func(items []*Item) []Result { return forAll(len(items), Result{Verdict: Done}) }}
			f, err := Open(b.TempDir(), &Options{Target: target, Batch: batch})
			if err != nil {
				b.Fatal(err)
			}
			records := make([][]byte, 100)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += len(records) {
				for i := range records {
					records[i] = makeRecord((n+i)%5000, (n+i)/5000)
				}
				f.Add(records...)
			}
			f.Drain(b.Context())
			b.StopTimer()
			if err := f.Close(b.Context()); err != nil {
				b.Error(err)
			}
		})
	}
}
