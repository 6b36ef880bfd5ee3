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
	// Oldest is the oldest record that is not acknowledged. It is nil without records, or
	// if it is damaged.
	Oldest []byte
}

// Inspect looks into the directory of a durable queue, also while a Queue has it open, and
// changes nothing. It reads the newest segment, and the oldest up to the first record that
// is not acknowledged: at most 32 MiB, or two records. What is appended or acknowledged
// meanwhile may be counted or not.
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
	q := &Queue{}
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
	if seg, ok, _ := q.unreadSegment(); ok {
		damaged, err := q.openSegment(seg)
		if err != nil && !damaged {
			return info, err
		}
		if err == nil {
			if record, err := q.r.record(nil, seg.size); err == nil {
				info.Oldest = record
			}
		}
	}
	return info, nil
}
