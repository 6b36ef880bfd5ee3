package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// children are the programs that a test can start in its own process, by the value of
// childVariable.
const childVariable = "SPOOL_TEST_CHILD"

var children = map[string]func(dir string) error{
	"append": childAppend,
	"spill":  childSpill,
	"limit":  childLimit,
}

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv(childVariable)]; ok {
		if err := child(os.Args[1]); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// fatal is what *testing.T and *rapid.T have in common here.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

func mustOpen(t fatal, dir string, o *Options) *Queue {
	t.Helper()
	q, err := Open(dir, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return q
}

func mustAppend(t fatal, q *Queue, records ...[]byte) {
	t.Helper()
	if err := q.Append(records...); err != nil {
		t.Fatalf("append: %v", err)
	}
}

func mustClose(t fatal, q *Queue) {
	t.Helper()
	if err := q.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// numbered is a record with the number n. Its length depends on the number.
func numbered(n uint64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, n)
	return append(b, bytes.Repeat([]byte{byte(n)}, int(n*7%300))...)
}

func number(t fatal, record []byte) uint64 {
	t.Helper()
	if len(record) < 8 {
		t.Fatalf("record of %d bytes", len(record))
	}
	n := binary.LittleEndian.Uint64(record)
	if !bytes.Equal(record, numbered(n)) {
		t.Fatalf("record %d is damaged", n)
	}
	return n
}

// drain reads all records, and the damage reported between them.
func drain(t fatal, q *Queue) (records [][]byte, damage []*CorruptError) {
	t.Helper()
	for {
		record, ok, err := q.Next(nil)
		if e, is := errors.AsType[*CorruptError](err); is {
			damage = append(damage, e)
			continue
		}
		if err != nil {
			t.Fatalf("next: %v", err)
		}
		if !ok {
			return records, damage
		}
		records = append(records, record)
	}
}

// segments returns the paths of all segments below dir.
func segments(t fatal, dir string) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*", "*/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern+segmentSuffix))
		if err != nil {
			t.Fatalf("%v", err)
		}
		all = append(all, paths...)
	}
	return all
}
