package spool

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// laid is a directory of a durable queue, and where its records are.
type laid struct {
	files   map[string][]byte
	names   []string // of the segments
	records [][]byte
	raw     [][]byte // each with its header
}

// layOut returns a queue to which the records were appended one by one.
func layOut(t *testing.T, segmentBytes int64, records [][]byte) *laid {
	t.Helper()
	dir := t.TempDir()
	q := mustOpen(t, dir, &Options{Durable: true, segmentBytes: segmentBytes})
	l := &laid{files: map[string][]byte{}, records: records}
	for n, record := range records {
		mustAppend(t, q, record)
		var head [recordHeader]byte
		format{2, q.salt}.putHeader(&head, uint64(n), record)
		l.raw = append(l.raw, append(bytes.Clone(head[:]), record...))
	}
	mustClose(t, q)
	for _, path := range append(segments(t, dir), filepath.Join(dir, ackedName)) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		l.files[filepath.Base(path)] = data
	}
	l.names = segmentNames(l.files)
	return l
}

// hostile returns records that hold what looks like records, made without the salt.
func hostile() (records [][]byte) {
	for n := range uint64(24) {
		data := numbered(n)
		for _, f := range []format{{2, 0}, {2, testSalt}, {1, 0}} {
			for offset := range uint64(24) {
				var head [recordHeader]byte
				f.putHeader(&head, offset, []byte("forged"))
				data = append(append(data, head[:f.recordHeader()]...), "forged"...)
			}
		}
		records = append(records, numbered(n), data[:uint64(len(data))*n/24], nil)
	}
	return records
}

// whole is the slow reference: which records of a segment can be read, from the record at next
// on, and where the last one ends.
func (l *laid) whole(data []byte, next, limit int) (kept []int, end int) {
	for at := 0; at < len(data); {
		found := slices.IndexFunc(l.raw[next:limit], func(raw []byte) bool { return bytes.HasPrefix(data[at:], raw) })
		if found < 0 {
			at++
			continue
		}
		next += found
		at += len(l.raw[next])
		kept, end = append(kept, next), at
		next++
	}
	return kept, end
}

// check opens the queue after damage and compares what it delivers with the reference.
func (l *laid) check(t fatal, dir, what string) {
	t.Helper()
	var want []int
	total, newest, cut := 0, len(l.names)-1, 0
	for i, name := range l.names {
		first, _ := segmentFirst(name)
		limit := len(l.raw)
		if i < newest {
			next, _ := segmentFirst(l.names[i+1])
			limit = int(next)
		}
		kept, end := l.whole(l.files[name], int(first), limit)
		want, total = append(want, kept...), limit
		if i == newest {
			total = int(first)
			if len(kept) > 0 {
				total = kept[len(kept)-1] + 1
			} else if end = segmentHeader; !bytes.HasPrefix(l.files[name], encode(segmentMagic, first, l.salt())) {
				end = 0
			}
			rest := l.files[name][end:]
			if cut = len(rest); end > 0 && len(bytes.Trim(rest[:min(cut, recordHeader)], "\x00")) == 0 {
				cut = 0 // room that was not used
			}
		}
	}
	for _, path := range segments(t, dir) { // of the check before
		if err := os.Remove(path); err != nil {
			t.Fatalf("%v", err)
		}
	}
	for name, data := range l.files {
		if n := len(segmentMagic) - 1; what != "flip" && bytes.HasPrefix(data, []byte(segmentMagic)[:n]) && len(data) > n && data[n] > 2 {
			data[n] = 0 // a queue of another version would be refused
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatalf("%v", err)
		}
	}
	info, err := Inspect(dir)
	if err != nil || info.Records != int64(total) || len(want) > 0 && !bytes.Equal(info.Oldest, l.records[want[0]]) {
		t.Fatalf("%s: inspect: %v, %d records of %d", what, err, info.Records, total)
	}
	q := mustOpen(t, dir, &Options{Durable: true, fsync: func(*os.File) error { return nil }})
	defer mustClose(t, q)
	if q.Len() != int64(total) || q.Truncated() != int64(cut) {
		t.Fatalf("%s: %d records wait of %d, %d bytes cut of %d", what, q.Len(), total, q.Truncated(), cut)
	}
	mustAppend(t, q, []byte("behind"))
	got, damage := drain(t, q)
	lost := int64(0)
	for _, e := range damage {
		if lost += e.Records; e.Records <= 0 || e.Bytes < 0 {
			t.Fatalf("%s: damage %+v", what, e)
		}
	}
	if len(got) != len(want)+1 || lost != int64(total-len(want)) || string(got[len(want)]) != "behind" {
		t.Fatalf("%s: %d records read and %d lost, want %d and %d; %v", what, len(got), lost, len(want)+1, total-len(want), damage)
	}
	for i, n := range want {
		if !bytes.Equal(got[i], l.records[n]) {
			t.Fatalf("%s: record %d is %q, want number %d", what, i, got[i], n)
		}
	}
	if err := q.Ack(q.ReadOffset()); err != nil || q.Len() != 0 {
		t.Fatalf("%s: %v, %d records wait", what, err, q.Len())
	}
}

func (l *laid) salt() uint64 {
	return binary.LittleEndian.Uint64(l.files[ackedName][2*slotDistance+8:])
}

// TestDamage damages a segment in the middle and the newest one at every byte: all records
// that are whole are read, in order, and nothing else is.
func TestDamage(t *testing.T) {
	var plain [][]byte
	for n := range 10 {
		plain = append(plain, bytes.Repeat([]byte{byte('a' + n)}, n*7%16))
	}
	l := layOut(t, 100, plain)
	if len(l.names) < 3 {
		t.Fatal("there is no segment in the middle")
	}
	dir := t.TempDir()
	for _, name := range l.names[len(l.names)-2:] {
		good := l.files[name]
		for i := range good {
			for what, data := range map[string][]byte{
				"cut":     good[:i],
				"zeros":   append(bytes.Clone(good[:i]), make([]byte, 100)...),
				"hole":    slices.Concat(good[:i], make([]byte, min(30, len(good)-i)), good[min(i+30, len(good)):]),
				"flip":    slices.Concat(good[:i], []byte{good[i] ^ 0x10}, good[i+1:]),
				"missing": slices.Concat(good[:i], good[i+1:]),
				"more":    slices.Concat(good[:i], []byte("more"), good[i:]),
			} {
				l.files[name] = data
				l.check(t, dir, what)
			}
		}
		l.files[name] = good
	}
}

// TestRandomDamage damages all segments of a queue with hostile content in many places.
func TestRandomDamage(t *testing.T) {
	l := layOut(t, 2000, hostile())
	good := l.files
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		l.files = map[string][]byte{}
		for name, data := range good {
			l.files[name] = bytes.Clone(data)
		}
		for range rapid.IntRange(1, 30).Draw(t, "damages") {
			name := rapid.SampledFrom(l.names).Draw(t, "file")
			data := l.files[name]
			at := rapid.IntRange(0, len(data)).Draw(t, "at")
			n := rapid.IntRange(0, min(300, len(data)-at)).Draw(t, "bytes")
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				clear(data[at : at+n])
			case 1:
				l.files[name] = data[:at]
			case 2:
				l.files[name] = slices.Delete(data, at, at+n)
			case 3: // written to the wrong place
				from := rapid.IntRange(0, len(data)-n).Draw(t, "from")
				copy(data[at:at+n], bytes.Clone(data[from:from+n]))
			case 4:
				copy(data[at:at+n], rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "noise"))
			}
		}
		l.check(t, dir, "damaged")
	})
}

// TestSaltDamaged: the salt is in every segment and in the file of acknowledgements.
func TestSaltDamaged(t *testing.T) {
	l := layOut(t, 1000, [][]byte{numbered(1), numbered(2), numbered(3)})
	salt := l.salt()
	l.files[ackedName] = l.files[ackedName][:slotDistance+20] // as of version 1
	dir := place(t, l.files)
	q := mustOpen(t, dir, &Options{Durable: true})
	if q.salt != salt {
		t.Errorf("the salt is not that of the segment")
	}
	mustClose(t, q)
	var err error
	if l.files[ackedName], err = os.ReadFile(filepath.Join(dir, ackedName)); err != nil {
		t.Fatal(err)
	}
	l.files[l.names[0]][20]++
	l.check(t, t.TempDir(), "salt of the segment")
	l.files[ackedName][2*slotDistance+10]++
	q = mustOpen(t, place(t, l.files), &Options{Durable: true})
	defer mustClose(t, q)
	if q.Len() != 0 || q.Truncated() == 0 || q.salt == salt {
		t.Errorf("without a salt %d records are read", q.Len())
	}
}

// badPage is a disk that cannot read one page.
type badPage struct {
	data []byte
	page int64
}

func (b badPage) ReadAt(p []byte, off int64) (int, error) {
	begin, end := b.page*pageSize, (b.page+1)*pageSize
	if off < begin {
		n := copy(p[:min(int64(len(p)), begin-off)], b.data[off:])
		if n < len(p) {
			return n, errors.New("input/output error")
		}
		return n, nil
	}
	if off < end {
		return 0, errors.New("input/output error")
	}
	return bytes.NewReader(b.data).ReadAt(p, off)
}

// TestBadPage: the record after a page that cannot be read is found.
func TestBadPage(t *testing.T) {
	f := format{2, testSalt}
	file := encode(segmentMagic, 0, testSalt)
	var begins []int64
	for n := range uint64(100) {
		var head [recordHeader]byte
		f.putHeader(&head, n, numbered(n))
		begins = append(begins, int64(len(file)))
		file = append(append(file, head[:]...), numbered(n)...)
	}
	for page := range int64(len(file))/pageSize - 1 {
		r := reader{f: f, off: page * pageSize, br: bufio.NewReader(nil)}
		i := slices.IndexFunc(begins, func(begin int64) bool { return begin >= (page+1)*pageSize })
		if !r.find(badPage{file, page}, int64(len(file)), 100) || r.next != uint64(i) || r.off != begins[i] {
			t.Errorf("page %d: record %d at %d, want %d at %d", page, r.next, r.off, i, begins[i])
		}
	}
}

// TestSearchIsBounded: a header that the disk has everywhere does not make a search endless.
func TestSearchIsBounded(t *testing.T) {
	dir := t.TempDir()
	q := mustOpen(t, dir, nil)
	defer mustClose(t, q)
	mustAppend(t, q, make([]byte, 4<<20), make([]byte, 4<<20))
	path := segments(t, dir)[0]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := bytes.Clone(data[segmentHeader : segmentHeader+recordHeader])
	for at := segmentHeader + recordHeader; at+recordHeader <= len(data); at += recordHeader {
		copy(data[at:], head)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if records, damage := drain(t, q); len(records) != 0 || len(damage) != 1 || damage[0].Records != 2 {
		t.Errorf("%d records, damage %v", len(records), damage)
	}
}
