package spool

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// written returns the files of a durable queue to which the records 0 to count-1 were
// appended one by one, with about 4 in a segment.
func written(t *testing.T, count uint64) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	q := mustOpen(t, dir, &Options{Durable: true, segmentBytes: 300})
	for n := range count {
		mustAppend(t, q, numbered(n))
	}
	mustClose(t, q)
	files := make(map[string][]byte)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func place(t *testing.T, files map[string][]byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func segmentNames(files map[string][]byte) (names []string) {
	for name := range files {
		if _, ok := segmentFirst(name); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestDamageInTheMiddle(t *testing.T) {
	for _, tt := range []struct {
		name    string
		damage  func(files map[string][]byte, name string)
		kept    int // of the damaged segment
		missing bool
	}{
		{"cut", func(files map[string][]byte, name string) { files[name] = files[name][:len(files[name])-1] }, -1, false},
		{"cut between records", func(files map[string][]byte, name string) {
			n, _ := segmentFirst(name)
			files[name] = files[name][:segmentHeader+recordHeader+len(numbered(n))]
		}, 1, false},
		{"empty", func(files map[string][]byte, name string) { files[name] = nil }, 0, false},
		{"of another place", func(files map[string][]byte, name string) { files[name] = files[segmentNames(files)[0]] }, 0, false},
		{"missing", func(files map[string][]byte, name string) { delete(files, name) }, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const total = 40
			files := written(t, total)
			names := segmentNames(files)
			first, _ := segmentFirst(names[5])
			next, _ := segmentFirst(names[6])
			if next-first < 2 {
				t.Fatal("the segment is too short for this test")
			}
			kept := uint64(tt.kept)
			if tt.kept < 0 {
				kept = next - first - 1
			}
			tt.damage(files, names[5])
			dir := place(t, files)
			q := mustOpen(t, dir, &Options{Durable: true})
			if q.Len() != total {
				t.Errorf("%d records wait", q.Len())
			}
			records, damage := drain(t, q)
			if len(damage) != 1 || damage[0].Records != int64(next-first-kept) {
				t.Fatalf("damage is %v, want %d records of %d", damage, next-first-kept, next-first)
			}
			file := names[5]
			if tt.missing { // noticed at the end of the one before
				file = names[4]
			}
			if damage[0].File != filepath.Join(dir, file) {
				t.Errorf("damaged file is %s, want %s", damage[0].File, file)
			}
			for i, record := range records {
				want := uint64(i)
				if want >= first+kept {
					want += next - first - kept
				}
				if got := number(t, record); got != want {
					t.Fatalf("record %d is %d, want %d", i, got, want)
				}
			}
			if len(records) != total-int(next-first-kept) || q.ReadOffset() != total {
				t.Errorf("%d records, %d taken", len(records), q.ReadOffset())
			}
			if err := q.Ack(q.ReadOffset()); err != nil {
				t.Fatal(err)
			}
			if left := segments(t, dir); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
			mustClose(t, q)
		})
	}
}

// TestDamageWhileOpen damages the newest segment of a queue that continues to append to it.
func TestDamageWhileOpen(t *testing.T) {
	dir := t.TempDir()
	q := mustOpen(t, dir, nil)
	defer mustClose(t, q)
	mustAppend(t, q, numbered(0), numbered(1), numbered(2))
	path := segments(t, dir)[0]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[segmentHeader+recordHeader]++
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = q.Next(nil)
	if e, ok := errors.AsType[*CorruptError](err); !ok || e.Records != 1 || e.FileOffset != segmentHeader {
		t.Fatalf("got %v", err)
	}
	mustAppend(t, q, numbered(3))
	if records, damage := drain(t, q); len(records) != 3 || number(t, records[0]) != 1 || len(damage) != 0 {
		t.Errorf("%d records, damage %v", len(records), damage)
	}
}

func TestAckedDamaged(t *testing.T) {
	dir := t.TempDir()
	q := mustOpen(t, dir, &Options{Durable: true})
	for n := range uint64(5) {
		mustAppend(t, q, numbered(n))
	}
	drain(t, q)
	for offset := uint64(1); offset <= 4; offset++ {
		if err := q.Ack(offset); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, q)
	path := filepath.Join(dir, ackedName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		at   []int
		want uint64
	}{
		{"whole", nil, 4}, {"older slot", []int{8}, 4}, {"newer slot", []int{slotDistance + 8}, 3}, {"both", []int{10, slotDistance}, 0},
	} {
		data := bytes.Clone(whole)
		for _, i := range tt.at {
			data[i] ^= 0x40
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		q := mustOpen(t, dir, &Options{Durable: true})
		if q.ReadOffset() != tt.want || q.Len() != int64(5-tt.want) {
			t.Errorf("%s: %d records from %d", tt.name, q.Len(), q.ReadOffset())
		}
		mustClose(t, q)
	}
}

// TestRefused: Open returns an error and changes nothing.
func TestRefused(t *testing.T) {
	files := written(t, 13)
	names := segmentNames(files)
	for _, name := range append(names, ackedName) {
		changed := make(map[string][]byte)
		for name, data := range files {
			changed[name] = bytes.Clone(data)
		}
		if name == ackedName {
			changed[name] = encode("esacked\x02", 1)
		} else {
			first, _ := segmentFirst(name)
			changed[name] = encode("esspool\x03", first, testSalt)
		}
		dir := place(t, changed)
		if _, err := Open(dir, &Options{Durable: true}); !errors.Is(err, errVersion) {
			t.Errorf("%s of another version: %v", name, err)
		}
		for name, data := range changed {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s was changed, %v", name, err)
			}
		}
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, files[names[0]], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, far := range []map[string][]byte{
		{segmentName(math.MaxUint64): encode(segmentMagic, math.MaxUint64, testSalt)},
		{ackedName: append(encode(ackedMagic, math.MaxUint64), make([]byte, slotDistance)...)},
	} {
		if _, err := Open(place(t, far), &Options{Durable: true}); err == nil {
			t.Error("an offset that no queue has was accepted")
		}
	}
	for _, name := range []string{segmentName(1 << 20), ackedName} {
		dir := t.TempDir()
		if err := os.Symlink(outside, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
		if _, err := Open(dir, &Options{Durable: true}); err == nil {
			t.Errorf("a link as %s was opened", name)
		}
	}
	if got, err := os.ReadFile(outside); err != nil || !bytes.Equal(got, files[names[0]]) {
		t.Errorf("a file outside was changed, %v", err)
	}
}

// TestForeignFilesStay: a durable queue leaves other files alone.
func TestForeignFilesStay(t *testing.T) {
	dir := place(t, map[string][]byte{"README": []byte("x"), "1.seg": []byte("y")})
	mustClose(t, mustOpen(t, dir, &Options{Durable: true}))
	for _, name := range []string{"README", "1.seg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestSweep: a plain queue removes the directories that no running process has, and only
// those.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	alive := mustOpen(t, dir, nil)
	mustAppend(t, alive, []byte("x"))
	for name, files := range map[string][]string{
		plainPrefix + "dead":    {lockName, segmentName(0), segmentName(7)},
		plainPrefix + "half":    {lockName},
		plainPrefix + "empty":   {},
		plainPrefix + "foreign": {lockName, "thesis.txt"},
		plainPrefix + "nolock":  {segmentName(0)},
		"other":                 {lockName, segmentName(0)},
	} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if err := os.WriteFile(filepath.Join(dir, name, file), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	q := mustOpen(t, dir, nil)
	for name, want := range map[string]bool{
		plainPrefix + "dead": false, plainPrefix + "half": false, plainPrefix + "empty": false,
		plainPrefix + "foreign/thesis.txt": true, plainPrefix + "nolock/" + segmentName(0): true, "other/" + segmentName(0): true,
	} {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) == want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if records, _ := drain(t, alive); len(records) != 1 {
		t.Error("a living queue was swept away")
	}
	mustClose(t, q)
	mustClose(t, alive)
}
