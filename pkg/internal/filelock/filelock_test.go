package filelock

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTry: a file that is locked can be opened but not locked, until it is closed.
func TestTry(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	one, other := open(), open()
	if locked, err := Try(one); !locked || err != nil {
		t.Fatalf("free: %v, %v", locked, err)
	}
	if locked, err := Try(other); locked || err != nil {
		t.Errorf("locked: %v, %v", locked, err)
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if locked, err := Try(other); !locked || err != nil {
		t.Errorf("free again: %v, %v", locked, err)
	}
	if locked, err := Try(one); locked || err == nil {
		t.Errorf("closed: %v, %v", locked, err)
	}
}
