package spool

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestOrderAndReuse(t *testing.T) {
	q := mustOpen(t, t.TempDir(), nil)
	defer mustClose(t, q)
	if _, ok, err := q.Next(nil); ok || err != nil {
		t.Fatalf("a new queue returns %v, %v", ok, err)
	}
	mustAppend(t, q)
	mustAppend(t, q, []byte("one"), nil, []byte("three"))
	if q.Len() != 3 {
		t.Errorf("%d records wait", q.Len())
	}
	dst := make([]byte, 100)
	for _, want := range []string{"one", "", "three"} {
		got, ok, err := q.Next(dst)
		if err != nil || !ok || string(got) != want {
			t.Fatalf("got %q, %v, %v, want %q", got, ok, err, want)
		}
		if &got[:1][0] != &dst[0] {
			t.Error("dst is not used")
		}
	}
	if q.Len() != 0 || q.ReadOffset() != 3 {
		t.Errorf("%d records wait, %d taken", q.Len(), q.ReadOffset())
	}
}

func TestLimits(t *testing.T) {
	q := mustOpen(t, t.TempDir(), &Options{MaxBytes: 1000})
	defer mustClose(t, q)
	largest := make([]byte, 1000-segmentHeader-recordHeader)
	if err := q.Append(make([]byte, len(largest)+1)); err == nil || errors.Is(err, ErrFull) {
		t.Errorf("more than the queue: %v", err)
	}
	for range 3 { // the room of a record that was taken is there again
		mustAppend(t, q, largest)
		if q.Bytes() != 1000 {
			t.Errorf("%d bytes", q.Bytes())
		}
		if err := q.Append(nil); !errors.Is(err, ErrFull) {
			t.Errorf("into a full queue: %v", err)
		}
		if got, _ := drain(t, q); len(got) != 1 || !bytes.Equal(got[0], largest) {
			t.Error("not what was appended")
		}
	}
	if err := q.Append(make([]byte, MaxRecord+1)); err == nil || errors.Is(err, ErrFull) {
		t.Errorf("too large a record: %v", err)
	}
	if _, err := Open(t.TempDir(), &Options{MaxBytes: -1}); err == nil {
		t.Error("negative size accepted")
	}
}

func TestClosed(t *testing.T) {
	for _, durable := range []bool{false, true} {
		q := mustOpen(t, t.TempDir(), &Options{Durable: durable})
		mustAppend(t, q, []byte("x"))
		mustClose(t, q)
		mustClose(t, q)
		_, _, err := q.Next(nil)
		for _, err := range []error{err, q.Append(nil), q.Sync(), q.Ack(0)} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
	}
}

func TestFilesArePrivateAndRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	q := mustOpen(t, dir, nil)
	second := mustOpen(t, dir, nil) // many can share a directory
	mustAppend(t, q, []byte("secret"))
	mustAppend(t, second, []byte("secret"))
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = fs.ModeDir | 0o700
		} else {
			files++
		}
		if runtime.GOOS != "windows" && info.Mode() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || files != 4 {
		t.Errorf("%d files, %v", files, err)
	}
	mustClose(t, q)
	if got, _ := drain(t, second); len(got) != 1 {
		t.Error("the other queue is gone")
	}
	mustClose(t, second)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestOneOwner(t *testing.T) {
	dir := t.TempDir()
	q := mustOpen(t, dir, &Options{Durable: true})
	if _, err := Open(dir, &Options{Durable: true}); !errors.Is(err, ErrInUse) {
		t.Errorf("second owner: %v", err)
	} else if want := "spool: lock " + filepath.Join(dir, lockName) + ": directory in use by process " + strconv.Itoa(os.Getpid()); err.Error() != want {
		t.Errorf("says %q, want %q", err, want)
	}
	mustClose(t, q)
	mustClose(t, mustOpen(t, dir, &Options{Durable: true}))
}

func TestAck(t *testing.T) {
	dir := t.TempDir()
	o := &Options{Durable: true, segmentBytes: 200}
	q := mustOpen(t, dir, o)
	for n := range uint64(10) {
		mustAppend(t, q, numbered(n))
	}
	drain(t, q)
	if err := q.Ack(11); err == nil {
		t.Error("acknowledged a record that was not read")
	}
	files := len(segments(t, dir))
	for _, offset := range []uint64{3, 7, 5, 7} {
		if err := q.Ack(offset); err != nil {
			t.Fatal(err)
		}
	}
	if now := len(segments(t, dir)); now >= files {
		t.Errorf("%d files, %d before", now, files)
	}
	mustClose(t, q)
	q = mustOpen(t, dir, o)
	if q.Len() != 3 || q.ReadOffset() != 7 {
		t.Fatalf("%d records, from %d", q.Len(), q.ReadOffset())
	}
	got, _ := drain(t, q)
	if len(got) != 3 || number(t, got[0]) != 7 {
		t.Fatalf("%d records", len(got))
	}
	if err := q.Ack(q.ReadOffset()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, q)
	q = mustOpen(t, dir, o)
	defer mustClose(t, q)
	mustAppend(t, q, numbered(10))
	if q.Len() != 1 || q.ReadOffset() != 10 || len(segments(t, dir)) != 1 {
		t.Errorf("%d records from %d in %d files", q.Len(), q.ReadOffset(), len(segments(t, dir)))
	}
}

// TestSyncFails: a sync that failed is not made good by the next one. The records before it
// can be read, those after it are in another file, and the queue takes and syncs them.
func TestSyncFails(t *testing.T) {
	dir := t.TempDir()
	broken := errors.New("the disk is broken")
	var disk error
	var synced []string
	o := &Options{Durable: true, fsync: func(f *os.File) error {
		synced = append(synced, filepath.Base(f.Name()))
		return disk
	}}
	q := mustOpen(t, dir, o)
	mustAppend(t, q, []byte("x"))
	disk = broken
	if err := q.Sync(); !errors.Is(err, broken) {
		t.Errorf("sync: %v", err)
	}
	disk = nil
	synced = nil
	mustAppend(t, q, []byte("y"))
	if err := q.Sync(); err != nil {
		t.Errorf("second sync: %v", err)
	}
	if want := []string{segmentName(1)}; !slices.Equal(synced, want) {
		t.Errorf("%v were synced, want %v", synced, want)
	}
	if records, damage := drain(t, q); len(records) != 2 || len(damage) != 0 {
		t.Errorf("%d records, damage %v", len(records), damage)
	}
	mustClose(t, q)
	q = mustOpen(t, dir, o)
	defer mustClose(t, q)
	if records, damage := drain(t, q); len(records) != 2 || len(damage) != 0 {
		t.Errorf("%d records after it was opened again, damage %v", len(records), damage)
	}
}

// TestAppendSyncFails: an Append that syncs and fails in that has taken its records, and the
// next Sync has the error.
func TestAppendSyncFails(t *testing.T) {
	broken := errors.New("the disk is broken")
	disk := broken
	q := mustOpen(t, t.TempDir(), &Options{Durable: true, segmentBytes: 1, fsync: func(*os.File) error { return disk }})
	defer mustClose(t, q)
	for n := range uint64(maxEnded + 1) { // each ends a file
		mustAppend(t, q, numbered(n))
	}
	disk = nil
	if err := q.Sync(); !errors.Is(err, broken) {
		t.Errorf("the next sync: %v", err)
	}
	if err := q.Sync(); err != nil {
		t.Errorf("the one after it: %v", err)
	}
	if records, damage := drain(t, q); len(records) != maxEnded+1 || len(damage) != 0 {
		t.Errorf("%d records, damage %v", len(records), damage)
	}
}

// TestConcurrent has one goroutine write and one read.
func TestConcurrent(t *testing.T) {
	for _, durable := range []bool{false, true} {
		q := mustOpen(t, t.TempDir(), &Options{MaxBytes: 1 << 20, Durable: durable})
		const total = 20_000
		more := make(chan struct{}, 1) // something was appended
		room := make(chan struct{}, 1) // something was taken
		signal := func(c chan struct{}) {
			select {
			case c <- struct{}{}:
			default:
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			for n := uint64(0); n < total; {
				err := q.Append(numbered(n), numbered(n+1))
				switch {
				case err == nil:
					n += 2
					signal(more)
				case errors.Is(err, ErrFull):
					<-room
				default:
					t.Error(err)
					return
				}
			}
		})
		var buf []byte
		for want := uint64(0); want < total; {
			record, ok, err := q.Next(buf)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				<-more
				continue
			}
			if got := number(t, record); got != want {
				t.Fatalf("got %d, want %d", got, want)
			}
			want++
			buf = record
			if want%100 == 0 {
				if err := q.Ack(q.ReadOffset()); err != nil {
					t.Fatal(err)
				}
				signal(room)
			}
		}
		wg.Wait()
		mustClose(t, q)
	}
}

// TestModel compares a Queue with a slice after any sequence of calls.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		o := &Options{
			Durable:      rapid.Bool().Draw(t, "durable"),
			MaxBytes:     rapid.Int64Range(100, 5000).Draw(t, "max"),
			segmentBytes: rapid.Int64Range(1, 1000).Draw(t, "segment"),
		}
		q := mustOpen(t, dir, o)
		defer func() { mustClose(t, q) }()
		var all [][]byte // ever appended
		var taken, acked int
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				records := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 300), 0, 5).Draw(t, "records")
				before := q.Bytes()
				switch err := q.Append(records...); {
				case err == nil:
					all = append(all, records...)
				case !errors.Is(err, ErrFull):
					need := segmentHeader
					for _, r := range records {
						need += recordHeader + len(r)
					}
					if int64(need) <= o.MaxBytes {
						t.Fatal(err)
					}
				case q.Bytes() != before:
					t.Fatal("an Append that failed changed the size")
				case taken == len(all) && (!o.Durable || acked == taken):
					t.Fatal("full, and nothing waits")
				}
			},
			"next": func(t *rapid.T) {
				got, ok, err := q.Next(make([]byte, 10))
				if err != nil || ok != (taken < len(all)) {
					t.Fatalf("got %v, %v, %d of %d taken", ok, err, taken, len(all))
				}
				if ok {
					if !bytes.Equal(got, all[taken]) {
						t.Fatalf("record %d is %q, want %q", taken, got, all[taken])
					}
					taken++
				}
			},
			"ack": func(t *rapid.T) {
				offset := rapid.IntRange(0, taken).Draw(t, "offset")
				if err := q.Ack(uint64(offset)); err != nil {
					t.Fatal(err)
				}
				acked = max(acked, offset)
			},
			"drop": func(t *rapid.T) {
				needed := taken
				if o.Durable {
					needed = acked
				}
				n, err := q.DropOldest()
				if err != nil || (n == 0) != (needed == len(all)) || needed+int(n) > len(all) {
					t.Fatalf("dropped %d, %v: %d of %d needed", n, err, len(all)-needed, len(all))
				}
				if n > 0 {
					acked = needed + int(n)
					taken = max(taken, acked)
				}
			},
			"inspect": func(t *rapid.T) {
				if !o.Durable {
					return
				}
				info, err := Inspect(dir)
				var oldest []byte
				if acked < len(all) {
					oldest = all[acked]
				}
				if err != nil || info.Records != int64(len(all)-acked) || info.Bytes != q.Bytes() || !bytes.Equal(info.Oldest, oldest) {
					t.Fatalf("inspect: %v, %d records in %d bytes, want %d in %d", err, info.Records, info.Bytes, len(all)-acked, q.Bytes())
				}
			},
			"sync": func(t *rapid.T) {
				if err := q.Sync(); err != nil {
					t.Fatal(err)
				}
			},
			"open again": func(t *rapid.T) {
				mustClose(t, q)
				if !o.Durable {
					all, taken = nil, 0
				}
				acked = min(acked, len(all))
				q = mustOpen(t, dir, o)
				if o.Durable {
					taken = acked
				}
				if q.Truncated() != 0 {
					t.Fatalf("%d bytes were cut", q.Truncated())
				}
			},
			"": func(t *rapid.T) {
				if q.Len() != int64(len(all)-taken) || q.ReadOffset() != uint64(taken) {
					t.Fatalf("%d wait, %d taken, want %d and %d", q.Len(), q.ReadOffset(), len(all)-taken, taken)
				}
				var size int64
				for _, path := range segments(t, dir) {
					info, err := os.Stat(path)
					if err != nil {
						t.Fatal(err)
					}
					size += info.Size()
				}
				if size != q.Bytes() || size > o.MaxBytes {
					t.Fatalf("%d bytes on disk, says %d, at most %d", size, q.Bytes(), o.MaxBytes)
				}
			},
		})
	})
}

func TestSegmentNames(t *testing.T) {
	for _, first := range []uint64{0, 1, 0xabcdef, maxOffset, math.MaxUint64} {
		if got, ok := segmentFirst(segmentName(first)); !ok || got != first {
			t.Errorf("%d becomes %d, %v", first, got, ok)
		}
	}
	for _, name := range []string{
		"", "lock", ".seg", "1.seg", "000000000000000A.seg", "+00000000000000a.seg",
		"0000000000000000.seg~", "00000000000000001.seg",
	} {
		if _, ok := segmentFirst(name); ok {
			t.Errorf("%q is taken for a segment", name)
		}
	}
	if !slices.IsSorted([]string{segmentName(9), segmentName(10), segmentName(255), segmentName(256)}) {
		t.Error("names do not sort as offsets")
	}
}
