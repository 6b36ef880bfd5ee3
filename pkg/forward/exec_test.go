//go:build unix

package forward

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestExec: what becomes of events by how their command ends.
func TestExec(t *testing.T) {
	t.Parallel()
	const one, two = `{"n":1}`, `{"n":2}`
	for _, test := range []struct {
		name    string
		words   []string
		items   []string
		verdict Verdict
		status  int
		reason  string // part of it
	}{
		{"taken", []string{"sh", "-c", `[ "$(cat)" = '{"n":1}' ]`}, []string{one}, Done, 0, ""},
		{"a batch is lines", []string{"sh", "-c", `[ "$(wc -l)" -eq 2 ]`}, []string{one, two}, Done, 0, ""},
		{"input not read", []string{"true"}, []string{strings.Repeat("x", 1<<20)}, Done, 0, ""},
		{"refused", []string{"sh", "-c", "cat >&2; exit 3"}, []string{one}, Dead, 3, one},
		{"refused, and nothing said", []string{"sh", "-c", "exit 3"}, []string{one}, Dead, 3, "exit status 3"},
		{"a batch refused", []string{"sh", "-c", "exit 3"}, []string{one, two}, Split, 3, "exit status 3"},
		{"busy", []string{"sh", "-c", "echo later >&2; exit 75"}, []string{one}, Again, 75, "later"},
		{"cannot be run by the shell", []string{"sh", "-c", "exit 126"}, []string{one}, Again, 126, "126"},
		{"no command of the shell", []string{"sh", "-c", "nosuchcommand"}, []string{one}, Again, 127, "nosuchcommand"},
		{"a signal", []string{"sh", "-c", "kill -9 $$"}, []string{one}, Again, 0, "killed"},
		{"no command", []string{"nosuchcommand"}, []string{one}, Again, 0, `there is no command "nosuchcommand"`},
		{"a directory", []string{"/"}, []string{one}, Again, 0, `cannot run "/"`},
		{"too slow", []string{"sh", "-c", "sleep 1000 & wait"}, []string{one}, Again, 0, "killed after 300ms"},
		{"much said", []string{"sh", "-c", "head -c 100000 /dev/zero >&2; exit 1"}, []string{one}, Dead, 1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := &ExecOptions{Words: test.words}
			if test.name == "too slow" {
				o.Timeout = 300 * time.Millisecond
			}
			target, err := NewExec(o)
			if err != nil {
				t.Fatal(err)
			}
			var items []*Item
			for _, text := range test.items {
				items = append(items, &Item{Payload: []byte(text)})
			}
			results := target.Deliver(t.Context(), items)
			if len(results) != len(items) {
				t.Fatalf("%d results for %d items", len(results), len(items))
			}
			for _, r := range results {
				if r.Verdict != test.verdict || r.Status != test.status || !strings.Contains(r.Reason, test.reason) || len(r.Reason) > MaxReason {
					t.Errorf("got %v, status %d, %.200q", r.Verdict, r.Status, r.Reason)
				}
			}
			if err := target.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestExecCheck(t *testing.T) {
	t.Parallel()
	for _, o := range []*ExecOptions{nil, {}, {Words: []string{""}}} {
		if _, err := NewExec(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	for name, want := range map[string]string{"sh": "", "nosuchcommand": "no command", "/": "cannot run"} {
		target, err := NewExec(&ExecOptions{Words: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		if err = target.Check(t.Context()); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFile: events are lines of a file, also after it could not be written for a while.
func TestFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folder := filepath.Join(dir, "folder")
	name := filepath.Join(folder, "events.ndjson")
	if err := os.WriteFile(folder, nil, 0o600); err != nil { // where the folder is to be
		t.Fatal(err)
	}
	target, err := NewFile(name)
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(text string, want Verdict) {
		t.Helper()
		r := target.Deliver(t.Context(), []*Item{{Payload: []byte(text)}})
		if r[0].Verdict != want || (want == Done) != (r[0].Reason == "") {
			t.Errorf("%s: %+v, want %v", text, r[0], want)
		}
	}
	deliver(`{"n":1}`, Unreachable)
	if err := target.Check(t.Context()); err == nil {
		t.Error("a file in a file can be written")
	}
	if err := errors.Join(os.Remove(folder), os.Mkdir(folder, 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := target.Check(t.Context()); err != nil {
		t.Error(err)
	}
	deliver(`{"n":1}`, Done)
	deliver(`{"n":2}`, Done)
	if err := target.Close(); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "{\"n\":1}\n{\"n\":2}\n" {
		t.Errorf("%q, %v", got, err)
	}
	for _, name := range []string{"", " ", "folder/", "%Q"} {
		if _, err := NewFile(name); err == nil {
			t.Errorf("the name %q is taken", name)
		}
	}
}
