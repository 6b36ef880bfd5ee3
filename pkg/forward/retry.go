package forward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// takenName is the file whose dead letters are being put into the queue of those that are
// delivered again. dead*.ndjson matches it.
const takenName = "dead-taken.ndjson"

// OpenRetry takes the dead letters of the queue in dir, also while a Forwarder has it open,
// and returns a Forwarder that delivers them again. Those that are refused again become
// dead letters of the queue, and so do those that wait when it is closed. It returns how
// many it has taken. The error wraps a [*spool.InUseError] if another process does the
// same.
func OpenRetry(dir string, o *Options) (f *Forwarder, letters int64, err error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, 0, fmt.Errorf("forward: %w", err)
	}
	if o != nil {
		o = new(*o)
		o.MaxAge, o.MaxBytes = 0, 1<<40
	}
	f, err = open(filepath.Join(dir, retryName), dir, o)
	if err != nil {
		return nil, 0, err
	}
	if err := f.takeLetters(); err != nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return nil, 0, errors.Join(fmt.Errorf("forward: %w", err), f.Close(ctx))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f, f.waitingItems() + f.totals.Delivered + f.totals.Dead - f.before.Delivered - f.before.Dead, nil
}

// takeLetters adds the dead letters of all files to the queue, and removes the files.
func (f *Forwarder) takeLetters() error {
	var strange [][]byte // lines that are no dead letters
	take := func(name string) error {
		err := readLetters(f.deadRoot, name, func(line []byte) error {
			var l Letter
			if err := json.Unmarshal(line, &l); err == nil {
				if it, err := l.Item(); err == nil {
					f.Add(AppendRecord(nil, &it))
					return nil
				}
			}
			strange = append(strange, append(line, '\n'))
			return nil
		})
		if err != nil {
			return err
		}
		return f.deadRoot.Remove(name)
	}
	for _, name := range deadFiles(f.deadRoot) {
		if name == deadName {
			continue
		}
		if err := take(name); err != nil {
			return err
		}
	}
	err := f.deadRoot.Rename(deadName, takenName)
	if err == nil {
		err = take(takenName)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, line := range strange {
		if err := f.appendLetter(line); err != nil {
			return err
		}
	}
	f.unreadable = int64(len(strange))
	return nil
}

// Unreadable returns how many lines OpenRetry has left where they are because they are no dead
// letters, as after damage to the file.
func (f *Forwarder) Unreadable() int64 { return f.unreadable }

// giveBack makes dead letters of all that waits. No worker runs any more.
func (f *Forwarder) giveBack() error {
	for {
		f.mu.Lock()
		f.draining = true
		f.readError = f.start
		f.window.release(f.start.Add(1<<62), true)
		f.load(f.start)
		var e *entry
		if batch := f.window.take(1); len(batch) > 0 {
			e = batch[0]
		}
		f.mu.Unlock()
		if e == nil {
			return nil
		}
		line := e.letter
		if line == nil {
			line = f.letter(e, &Result{Reason: f.lastError})
		}
		if err := f.appendLetter(line); err != nil {
			return err // it stays in the queue, for the next time
		}
		f.mu.Lock()
		f.window.remove(e)
		f.finish(e)
		f.window.put(e.lane)
		f.note()
		f.mu.Unlock()
	}
}
