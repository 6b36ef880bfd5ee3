// Package forward delivers events to targets such as HTTP servers, files and commands, and
// keeps them on disk until they are delivered.
//
// A [Forwarder] is the queue of one target and the goroutines that empty it. What is added
// is written to disk at once, so a process that is killed loses nothing; after a restart
// delivery goes on where it stopped. A target that is down holds nothing up: its events wait
// in the queue, which has a bounded size and age.
//
// Events with the same key, which is the callid, are delivered in order: an event is sent
// only when the one before it is delivered or given up. One that fails is tried again
// and holds back only its own key. One that the target refuses for good becomes a dead
// letter, a line in a file beside the queue.
//
// An event is delivered at least once. At most 1,000 events of a target are delivered and
// not yet noted on disk, so that no more come again after the process was killed. Targets
// that leave out repetitions go by [Item.ID].
//
// # Files
//
// The directory of a Forwarder has the files of package spool, whose records are those of
// [AppendRecord], and
//
//	delivered        which records after the acknowledged ones are delivered, and the counts
//	status.json      the name of the target and the last error
//	dead*.ndjson     dead letters
//	retry            a queue of the same kind, for dead letters that are delivered again
//
// Files have the mode 0600, directories 0700.
package forward

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Item is one event on its way to a target. Nothing may change it once it is made.
type Item struct {
	// Payload is what is sent: the event on one line, as valid JSON without a newline, or a
	// JSON value in its place.
	Payload []byte
	// ID is the identity of the original event.
	ID event.ID
	// Class, Event and Machine are the texts of these fields of the original event, empty if
	// it has none. They may hold any character.
	Class, Event, Machine string
	// Key is the callid of the original event. Items with the same key are delivered in
	// order; those without one in any.
	Key string
	// Received is when the event came in.
	Received time.Time
}

// recordVersion begins each record.
const recordVersion = 1

// fixedRecord is the length of the part of a record that has a fixed length.
const fixedRecord = 1 + len(event.ID{}) + 8

// AppendRecord appends the item as a record of a queue. That is, version 1 (1 byte), the
// ID (16), Received in nanoseconds since 1970 (8, the highest byte first), class, event,
// key and machine, each with its length as a varint before it, and the payload.
func AppendRecord(dst []byte, it *Item) []byte {
	dst = append(append(dst, recordVersion), it.ID[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(it.Received.UnixNano()))
	for _, text := range [...]string{it.Class, it.Event, it.Key, it.Machine} {
		dst = append(binary.AppendUvarint(dst, uint64(len(text))), text...)
	}
	return append(dst, it.Payload...)
}

// errRecord says that a record is not one of AppendRecord, or of a later version.
var errRecord = errors.New("forward: record of an unknown format")

// ParseRecord returns the item of a record. Its payload is a part of the record.
func ParseRecord(record []byte) (Item, error) {
	var it Item
	if len(record) < fixedRecord || record[0] != recordVersion {
		return it, errRecord
	}
	copy(it.ID[:], record[1:])
	it.Received = time.Unix(0, int64(binary.BigEndian.Uint64(record[1+len(it.ID):])))
	rest := record[fixedRecord:]
	for _, text := range [...]*string{&it.Class, &it.Event, &it.Key, &it.Machine} {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return it, errRecord
		}
		*text = string(rest[size : size+int(n)])
		rest = rest[size+int(n):]
	}
	it.Payload = rest
	return it, nil
}

// NthID returns the ID of the nth value that is sent instead of one event, counted from
// 0: the first one has the ID of the event.
func NthID(id event.ID, n int) event.ID {
	if n == 0 {
		return id
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(id[:], uint64(n)))
	return event.ID(sum[:len(id)])
}
