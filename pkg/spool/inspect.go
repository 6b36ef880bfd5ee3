package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Info describes the queue in a directory.
type Info struct {
	Records int64 // that are not acknowledged
	Bytes   int64 // of all segment files
	// AckOffset is the offset before which all records are acknowledged.
	AckOffset uint64
	// Oldest is the oldest record that is not acknowledged and not damaged. It is nil without
	// one.
	Oldest []byte
}

// Inspect looks into the directory of a durable queue, also while a Queue has it open, and
// changes nothing. It reads the newest segment, and the oldest up to the first record that is
// not acknowledged: at most 32 MiB, or two records, and more where they are damaged. What is
// appended or acknowledged meanwhile may be counted or not.
func Inspect(dir string) (Info, error) {
	for try := 0; ; try++ {
		info, err := inspectOnce(dir)
		// A file that was there a moment ago has been acknowledged and removed.
		if err == nil || try == 10 || !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				err = fmt.Errorf("spool: %w", err)
			}
			return info, err
		}
	}
}

func inspectOnce(dir string) (info Info, err error) {
	q := &Queue{o: Options{Durable: true}}
	if q.root, err = os.OpenRoot(dir); err != nil {
		return info, err
	}
	defer func() { _ = q.root.Close() }()
	q.newReader()
	acks, err := q.root.Open(ackedName)
	if err != nil {
		return info, err
	}
	defer func() { _ = acks.Close() }()
	if err := q.readAcked(acks); err != nil {
		return info, err
	}
	if err := q.readSegments(false); err != nil {
		return info, err
	}
	defer q.r.close()
	info = Info{Records: q.Len(), Bytes: q.bytes, AckOffset: q.ackOffset}
	for {
		record, ok, err := q.Next(nil)
		switch _, damaged := errors.AsType[*CorruptError](err); {
		case damaged:
			continue
		case ok:
			info.Oldest = record
		}
		return info, err
	}
}
