package forward

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// deadName is the file that dead letters are added to.
const deadName = "dead.ndjson"

// Letter is a dead letter, a line of a file dead*.ndjson.
type Letter struct {
	// Time is when it was given up.
	Time time.Time `json:"time"`
	// Target is Options.Name.
	Target string `json:"target"`
	// Status is the status of the HTTP answer or the exit code, absent if there is none.
	Status int `json:"status,omitempty"`
	// Reason is the target's answer or an error, at most MaxReason bytes.
	Reason string `json:"reason"`
	// Attempts is how often it was sent.
	Attempts int             `json:"attempts"`
	ID       string          `json:"id"`
	Event    json.RawMessage `json:"event"`
	// The fields of the Item besides these, so that it can be delivered again.
	Received time.Time `json:"received"`
	Class    string    `json:"class,omitempty"`
	Name     string    `json:"name,omitempty"`
	Key      string    `json:"key,omitempty"`
	Machine  string    `json:"machine,omitempty"`
}

// letter returns the line of a dead letter.
func (f *Forwarder) letter(e *entry, r *Result) []byte {
	reason := strings.ToValidUTF8(r.Reason, "\uFFFD")
	for len(reason) > MaxReason {
		_, size := utf8.DecodeLastRuneInString(reason)
		reason = reason[:len(reason)-size]
	}
	l := Letter{
		Time: time.Now().UTC(), Target: f.o.Name, Status: r.Status, Reason: reason, Attempts: e.attempts, ID: e.ID.String(),
		Event: json.RawMessage(e.Payload), Received: e.Received.UTC(), Class: e.Class, Name: e.Event, Key: e.Key, Machine: e.Machine,
	}
	line := bytes.Buffer{}
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&l); err != nil { // the payload is no JSON
		l.Event = event.AppendString(nil, e.Payload)
		line.Reset()
		_ = enc.Encode(&l)
	}
	return line.Bytes()
}

// writeLetter writes the dead letter of e. If that fails it is tried again later: neither
// is the event lost nor are others held back.
func (f *Forwarder) writeLetter(e *entry) Result {
	if err := f.appendLetter(e.letter); err != nil {
		err = fmt.Errorf("the dead letter cannot be written: %w", err)
		f.report(err)
		return Result{Verdict: Again, Reason: err.Error()}
	}
	return Result{Verdict: Dead}
}

// appendLetter appends a line to the file of dead letters, whole or not at all.
func (f *Forwarder) appendLetter(line []byte) error {
	f.deadFile.Lock()
	defer f.deadFile.Unlock()
	for {
		file, err := f.deadRoot.OpenFile(deadName, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		before, err := file.Seek(0, io.SeekEnd)
		if err == nil {
			if _, err = file.Write(line); err != nil {
				_ = file.Truncate(before)
			}
		}
		held, err1 := file.Stat()
		if err = errors.Join(err, err1, file.Close()); err != nil {
			return err
		}
		// Another process may have taken the file to deliver its letters again: then it may
		// have read it before this one was in it.
		if named, err := f.deadRoot.Stat(deadName); err == nil && os.SameFile(held, named) {
			return nil
		}
	}
}

// deadFiles returns the names of the files of dead letters in a directory.
func deadFiles(root *os.Root) []string {
	names, _ := fs.Glob(root.FS(), "dead*.ndjson")
	slices.Sort(names)
	return names
}

// readLetters calls each with the lines of a file of dead letters.
func readLetters(root *os.Root, name string, each func(line []byte) error) error {
	file, err := root.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	for r := bufio.NewReaderSize(file, 64<<10); ; {
		line, err := r.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if err := each(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// countLetters returns the number of dead letters in a directory, and the path of the first
// file that has any.
func countLetters(root *os.Root) (n int64, file string) {
	for _, name := range deadFiles(root) {
		before := n
		_ = readLetters(root, name, func([]byte) error { n++; return nil }) // what cannot be read is not counted
		if n > before && file == "" {
			file = filepath.Join(root.Name(), name)
		}
	}
	return n, file
}

// Item returns the event of a dead letter. Its payload is a part of the letter.
func (l *Letter) Item() (Item, error) {
	it := Item{Payload: l.Event, Class: l.Class, Event: l.Name, Key: l.Key, Machine: l.Machine, Received: l.Received}
	if n, err := hex.Decode(it.ID[:], []byte(l.ID)); err != nil || n != len(it.ID) {
		return it, fmt.Errorf("forward: %q is no id", l.ID)
	}
	return it, nil
}
