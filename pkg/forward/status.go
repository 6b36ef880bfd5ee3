package forward

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/spool"
)

const (
	statusName    = "status.json"
	statusVersion = 1
	retryName     = "retry"
)

// statusFile is the content of the status file.
type statusFile struct {
	Version     int        `json:"version"`
	Target      string     `json:"target"`
	Spec        string     `json:"spec,omitempty"`
	LastError   string     `json:"last_error"`
	LastErrorAt *time.Time `json:"last_error_at,omitempty"`
	Totals
}

func readStatus(root *os.Root) (s statusFile, err error) {
	data, err := root.ReadFile(statusName)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, err
	}
	if s.Version != statusVersion {
		return s, fmt.Errorf("%s: version %d is not known", filepath.Join(root.Name(), statusName), s.Version)
	}
	return s, nil
}

// readCounts reads the status file and the delivered offsets. The totals are those noted with
// the offsets, if they are there.
func readCounts(root *os.Root) (s statusFile, done offsets, err error) {
	s, err = readStatus(root)
	if file, err := root.Open(deliveredName); err == nil {
		var totals *Totals
		if done, totals = readDelivered(file); totals != nil {
			s.Totals = *totals
		}
		_ = file.Close()
	}
	return s, done, err
}

// noteError notes why something was not delivered. mu is held.
func (f *Forwarder) noteError(reason string) {
	now := time.Now().UTC().Round(0)
	f.lastError, f.errorAt, f.changed = reason, &now, true
}

// writeStatus writes the status file, if anything has changed.
func (f *Forwarder) writeStatus() {
	f.mu.Lock()
	s := statusFile{Version: statusVersion, Target: f.o.Name, Spec: f.o.Spec, LastError: f.lastError, LastErrorAt: f.errorAt, Totals: f.totals}
	changed := f.changed
	f.changed = false
	f.mu.Unlock()
	if !changed {
		return
	}
	data, err := json.Marshal(&s)
	if err == nil {
		err = replaceFile(f.root, statusName, append(data, '\n'))
	}
	if err != nil { // a full disk: the counts are written when there is room again
		f.mu.Lock()
		f.changed = true
		f.mu.Unlock()
	}
}

// Status is the state of a queue, as Inspect finds it on disk.
type Status struct {
	// Target is the name of the target.
	Target string `json:"target"`
	// Spec is Options.Spec.
	Spec string `json:"-"`
	// Waiting is the number of items that are not acknowledged, those being delivered
	// included.
	Waiting int64 `json:"waiting"`
	// Bytes is the size of the queue on disk, 0 if nothing waits. Files with waiting items
	// may hold others, too.
	Bytes int64 `json:"bytes"`
	// Oldest is when the oldest waiting item was received, nil if none waits.
	Oldest    *time.Time `json:"oldest"`
	Delivered int64      `json:"delivered"`
	// Dead is the number of dead letters that are there.
	Dead         int64 `json:"dead"`
	Dropped      int64 `json:"dropped"`
	AlreadyThere int64 `json:"already_there"`
	// LastError is the latest answer or error because of which an item was not delivered, even
	// if the item has been delivered since.
	LastError string `json:"last_error"`
	// LastErrorAt is when that was, nil if there was none or the time is not known.
	LastErrorAt *time.Time `json:"last_error_at"`
	// DeadFile is the path of the file with the oldest dead letters, empty if there are
	// none.
	DeadFile string `json:"dead_file"`
}

// Inspect returns the state of the queue in the directory dir, also while a Forwarder has
// it open. Its last error may be a quarter of a second old then, and the counts by what is not
// noted yet. The error is one of fs.ErrNotExist if dir has no queue.
func Inspect(dir string) (Status, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Status{}, fmt.Errorf("forward: %w", err)
	}
	defer func() { _ = root.Close() }()
	info, err := spool.Inspect(dir)
	if err != nil {
		return Status{}, fmt.Errorf("forward: %w", err)
	}
	file, done, err := readCounts(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Status{}, fmt.Errorf("forward: %w", err)
	}
	s := Status{
		Target: file.Target, Spec: file.Spec, Waiting: info.Records, Bytes: info.Bytes, LastError: file.LastError, LastErrorAt: file.LastErrorAt,
		Delivered: file.Delivered, Dropped: file.Dropped, AlreadyThere: file.AlreadyThere,
	}
	done.removeBefore(info.AckOffset)
	s.Waiting = max(s.Waiting-int64(done.count()), 0)
	if s.Waiting == 0 {
		s.Bytes = 0
	} else if it, err := ParseRecord(info.Oldest); err == nil {
		at := it.Received.UTC()
		s.Oldest = &at
	}
	s.Dead, s.DeadFile = countLetters(root)
	if retry, err := spool.Inspect(filepath.Join(dir, retryName)); err == nil {
		s.Dead += retry.Records
	}
	if retry, err := os.OpenRoot(filepath.Join(dir, retryName)); err == nil {
		file, _, _ := readCounts(retry)
		s.Delivered += file.Delivered
		_ = retry.Close()
	}
	return s, nil
}
