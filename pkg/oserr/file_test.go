package oserr_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "none")
	_, err := os.Open(name)
	got := oserr.File(err)
	if want := name + ": " + errors.Unwrap(err).Error(); got.Error() != want || !errors.Is(got, fs.ErrNotExist) {
		t.Errorf("got %q, want %q", got, want)
	}
	other := fmt.Errorf("its reader has gone: %w", err)
	if got := oserr.File(other); got != other {
		t.Errorf("got %q", got)
	}
}
