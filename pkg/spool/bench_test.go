package spool

import (
	"testing"
)

// BenchmarkBlocks is the use as a buffer: blocks of events go through the page cache.
func BenchmarkBlocks(b *testing.B) {
	q := mustOpen(b, b.TempDir(), nil)
	defer mustClose(b, q)
	block := make([]byte, 128<<10)
	var out []byte
	b.SetBytes(int64(len(block)))
	b.ReportAllocs()
	for b.Loop() {
		mustAppend(b, q, block)
		record, ok, err := q.Next(out)
		if err != nil || !ok {
			b.Fatal(ok, err)
		}
		out = record
	}
}

// BenchmarkDurable is the use as a queue for delivery: batches of 1,024 events are synced,
// read and acknowledged.
func BenchmarkDurable(b *testing.B) {
	q := mustOpen(b, b.TempDir(), &Options{Durable: true})
	defer mustClose(b, q)
	batch := make([][]byte, 1024)
	for i := range batch {
		batch[i] = make([]byte, 256)
	}
	var out []byte
	b.SetBytes(1024 * 256)
	b.ReportAllocs()
	for b.Loop() {
		mustAppend(b, q, batch...)
		if err := q.Sync(); err != nil {
			b.Fatal(err)
		}
		for range batch {
			record, ok, err := q.Next(out)
			if err != nil || !ok {
				b.Fatal(ok, err)
			}
			out = record
		}
		if err := q.Ack(q.ReadOffset()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1024/b.Elapsed().Seconds(), "events/s")
}
