package spool

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestReserved: a segment that is made with its whole size ends with its records once the
// queue is closed or another segment is synced, and for others all the time.
func TestReserved(t *testing.T) {
	dir := t.TempDir()
	o := &Options{Durable: true, segmentBytes: minReserved}
	q := mustOpen(t, dir, o)
	const total = 30
	record := func(n int) []byte { return append(numbered(uint64(n)), make([]byte, minReserved/10)...) }
	for n := range total {
		mustAppend(t, q, record(n))
	}
	info, err := Inspect(dir)
	if err != nil || info.Records != total || info.Bytes < q.Bytes() {
		t.Errorf("%+v, %v: not %d bytes", info, err, q.Bytes())
	}
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	if info, err = Inspect(dir); err != nil || info.Bytes != q.Bytes() {
		t.Errorf("%+v, %v: not %d bytes", info, err, q.Bytes())
	}
	// What a process that is killed leaves.
	files := map[string][]byte{}
	names, err := segmentFiles(q.root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, ackedName) {
		if files[name], err = q.root.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	size := q.Bytes()
	mustClose(t, q)
	for i, name := range names {
		file, err := os.Stat(filepath.Join(dir, name))
		if err != nil || i < len(names)-1 && file.Size() != int64(len(files[name])) || file.Size() > int64(len(files[name])) {
			t.Errorf("%s: %v bytes after, %d before, %v", name, file.Size(), len(files[name]), err)
		}
	}
	q = mustOpen(t, place(t, files), o)
	defer mustClose(t, q)
	if q.Bytes() != size || q.Truncated() != 0 {
		t.Errorf("%d bytes, %d cut, not %d", q.Bytes(), q.Truncated(), size)
	}
	mustAppend(t, q, record(total))
	records, damage := drain(t, q)
	if len(records) != total+1 || len(damage) != 0 {
		t.Fatalf("%d records, damage %v", len(records), damage)
	}
	for n, got := range records {
		if !bytes.Equal(got, record(n)) {
			t.Errorf("record %d is another one", n)
		}
	}
}
