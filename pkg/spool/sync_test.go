package spool

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSyncHoldsNothingBack: while the disk is busy with a sync records are appended and
// read, files are begun and removed, and the oldest are dropped.
func TestSyncHoldsNothingBack(t *testing.T) {
	syncing, done := make(chan struct{}), make(chan struct{})
	var blocks bool
	o := &Options{Durable: true, segmentBytes: 100, fsync: func(*os.File) error {
		if blocks {
			syncing <- struct{}{}
			<-done
		}
		return nil
	}}
	q := mustOpen(t, t.TempDir(), o)
	blocks = true
	mustAppend(t, q, numbered(0))
	synced := make(chan error)
	go func() { synced <- q.Sync() }()
	<-syncing
	for n := uint64(1); n < maxEnded; n++ {
		mustAppend(t, q, numbered(n))
	}
	if records, _ := drain(t, q); len(records) != maxEnded {
		t.Errorf("%d records", len(records))
	}
	if err := q.Ack(2); err != nil {
		t.Error(err)
	}
	if n, err := q.DropOldest(); n == 0 || err != nil {
		t.Errorf("dropped %d, %v", n, err)
	}
	blocks = false
	close(done)
	if err := <-synced; err != nil {
		t.Error(err)
	}
	mustClose(t, q)
}

// TestAppendSyncs: without a Sync the number of open files has a bound.
func TestAppendSyncs(t *testing.T) {
	var synced int
	o := &Options{Durable: true, segmentBytes: 100, fsync: func(*os.File) error { synced++; return nil }}
	q := mustOpen(t, t.TempDir(), o)
	for n := range uint64(100) {
		mustAppend(t, q, numbered(n))
		if len(q.ended) > maxEnded {
			t.Fatalf("%d files wait for a sync", len(q.ended))
		}
	}
	if synced == 0 {
		t.Error("nothing was synced")
	}
	mustClose(t, q)
}

// TestPowerLoss has the power fail at any moment: what is not synced is there, is cut, or
// is zeros, whatever the file, and before that some syncs fail. What was synced and not
// acknowledged is there, in order, and nothing else than what was appended.
func TestPowerLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		safe := map[string]int64{}   // the size that is on the disk, by name
		spoiled := map[string]bool{} // a sync has failed
		failed := errors.New("the disk is broken")
		broken := false
		o := &Options{Durable: true, segmentBytes: rapid.Int64Range(1, 2000).Draw(t, "segment"), fsync: func(f *os.File) error {
			name := filepath.Base(f.Name())
			if broken {
				spoiled[name] = true
				return failed
			}
			info, err := f.Stat()
			if err == nil && !spoiled[name] { // of these the system has given up what was not written
				safe[name] = info.Size()
			}
			return err
		}}
		q := mustOpen(t, dir, o)
		var end, acked uint64 // offsets
		var certain []bool    // that the record of an offset is on the disk
		var doubted uint64    // records before this offset that are not certain never will be
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0, 1, 2:
				mustAppend(t, q, numbered(end), numbered(end+1))
				end += 2
				certain = append(certain, false, false)
			case 3:
				// An Append that fails to sync does not say so, but the next Sync does.
				if err := q.Sync(); err == nil {
					for n := doubted; n < end; n++ {
						certain[n] = true
					}
				} else if !errors.Is(err, failed) {
					t.Fatal(err)
				}
				doubted = end
			case 6:
				broken = !broken
			case 4:
				if _, _, err := q.Next(nil); err != nil {
					t.Fatal(err)
				}
			case 5:
				if err := q.Ack(q.ReadOffset()); err != nil {
					t.Fatal(err)
				}
				acked = q.ReadOffset()
			}
		}
		lost := map[string][]byte{}
		paths := append(segments(t, dir), filepath.Join(dir, ackedName))
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(path)
			if name == ackedName {
				lost[name] = data
				continue
			}
			kept, named := safe[name]
			switch rapid.SampledFrom([]string{"there", "cut", "zeros", "gone"}).Draw(t, name) {
			case "cut":
				data = data[:rapid.Int64Range(kept, int64(len(data))).Draw(t, "cut")]
			case "zeros":
				from := rapid.Int64Range(kept, int64(len(data))).Draw(t, "zeros")
				clear(data[from:])
			case "gone":
				if !named {
					continue
				}
			}
			lost[name] = data
		}
		broken = true
		_ = q.Close()

		after, err := os.MkdirTemp("", "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(after) }()
		for name, data := range lost {
			if err := os.WriteFile(filepath.Join(after, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		q = mustOpen(t, after, &Options{Durable: true})
		defer mustClose(t, q)
		records, _ := drain(t, q)
		want := acked
		for _, record := range records {
			n := number(t, record)
			if n < want || n >= end {
				t.Fatalf("record %d comes where %d should: %d acknowledged, %d appended", n, want, acked, end)
			}
			if i := slices.Index(certain[want:n], true); i >= 0 {
				t.Fatalf("record %d comes where %d should, which was synced", n, want+uint64(i))
			}
			want = n + 1
		}
		if slices.Contains(certain[min(want, end):], true) {
			t.Fatalf("ends at %d, and later ones were synced", want)
		}
	})
}

// TestDropOldest: what is dropped is counted, read or not, and the rest goes on in order,
// also after a restart.
func TestDropOldest(t *testing.T) {
	dir := t.TempDir()
	o := &Options{Durable: true, MaxBytes: 2000, segmentBytes: 500}
	q := mustOpen(t, dir, o)
	var end uint64
	fill := func() {
		t.Helper()
		for {
			err := q.Append(numbered(end))
			if errors.Is(err, ErrFull) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
			end++
		}
	}
	fill()
	if _, ok, err := q.Next(nil); !ok || err != nil { // in flight
		t.Fatal(ok, err)
	}
	first, err := q.DropOldest()
	if err != nil || first == 0 || q.ReadOffset() != uint64(first) || q.Len() != int64(end)-first {
		t.Fatalf("dropped %d, %v: %d wait from %d", first, err, q.Len(), q.ReadOffset())
	}
	if err := q.Ack(1); err != nil { // it was delivered after all
		t.Error(err)
	}
	record, _, err := q.Next(nil)
	if err != nil || !bytes.Equal(record, numbered(uint64(first))) {
		t.Fatalf("goes on with %q, %v", record, err)
	}
	fill()
	mustClose(t, q)
	q = mustOpen(t, dir, o)
	records, damage := drain(t, q)
	if len(damage) != 0 || len(records) != int(int64(end)-first) || number(t, records[0]) != uint64(first) {
		t.Fatalf("after a restart %d records, damage %v", len(records), damage)
	}
	if err := q.Ack(q.ReadOffset() - 1); err != nil {
		t.Fatal(err)
	}
	// The last file, of which one record is left.
	if n, err := q.DropOldest(); n != 1 || err != nil {
		t.Fatalf("dropped %d, %v", n, err)
	}
	if n, err := q.DropOldest(); n != 0 || err != nil {
		t.Fatalf("dropped %d of none, %v", n, err)
	}
	mustAppend(t, q, numbered(end))
	mustClose(t, q)
	q = mustOpen(t, dir, o)
	defer mustClose(t, q)
	if records, _ := drain(t, q); len(records) != 1 || number(t, records[0]) != end {
		t.Fatalf("%d records at the end", len(records))
	}
}
