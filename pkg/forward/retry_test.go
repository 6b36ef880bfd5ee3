package forward

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestOpenRetry: of ten dead letters some are delivered, some are refused again, and those of
// which nothing is known are dead letters again once the retry is closed. A line that is no
// dead letter stays.
func TestOpenRetry(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	verdicts := func(of func(n int) Verdict) *fake {
		return &fake{deliver: func(items []*Item) []Result {
			var all []Result
			for _, it := range items {
				n := int(it.ID[2])
				all = append(all, Result{Verdict: of(n), Reason: "because", After: time.Hour})
			}
			return all
		}}
	}
	f, err := Open(dir, &Options{Target: verdicts(func(int) Verdict { return Dead })})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		f.Add(makeRecord(n, n))
	}
	if left := f.Drain(t.Context()); left != 0 {
		t.Fatalf("%d left", left)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(dir, deadName)
	text, err := os.ReadFile(dead)
	if err != nil {
		t.Fatal(err)
	}
	// One file more, as if the other one had been full.
	for name, text := range map[string]string{dead: string(text) + "no letter\n", filepath.Join(dir, "dead-1.ndjson"): "cut"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	var mu sync.Mutex
	seen := 0
	all := make(chan struct{})
	target := verdicts(func(n int) Verdict {
		mu.Lock()
		defer mu.Unlock()
		if seen++; seen == 10 {
			close(all)
		}
		switch {
		case n < 5:
			return Done
		case n < 7:
			return Dead
		}
		return Again
	})
	f, letters, err := OpenRetry(dir, &Options{Target: target})
	if err != nil || letters != 10 || f.Unreadable() != 2 {
		t.Fatalf("%d letters, %d unreadable, %v", letters, f.Unreadable(), err)
	}
	<-all
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := f.Counts(); c.Delivered != 5 || c.Waiting != 0 {
		t.Errorf("got %+v", c)
	}
	lines, ids := 0, map[byte]bool{}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range deadFiles(root) {
		if err := readLetters(root, name, func(line []byte) error {
			lines++
			var l Letter
			if err := json.Unmarshal(line, &l); err == nil {
				it, err := l.Item()
				ids[it.ID[2]] = true
				return err
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	if lines != 7 || len(ids) != 5 || ids[4] || !ids[5] || !ids[9] {
		t.Errorf("%d lines of the letters %v", lines, ids)
	}

	if _, _, err := OpenRetry(filepath.Join(dir, "nosuch"), &Options{Target: target}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a queue that is not there: %v", err)
	}
}
