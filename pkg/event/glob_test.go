package event

import (
	"path"
	"testing"

	"pgregory.net/rapid"
)

// TestGlobAgainstPath compares with path.Match, which means the same by a star
// where there is no slash.
func TestGlobAgainstPath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab.*é]{0,8}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab.é]{0,10}`).Draw(t, "name")
		want, err := path.Match(pattern, name)
		if err != nil {
			t.Fatal(err)
		}
		if got := NewGlob(pattern).Match([]byte(name)); got != want {
			t.Fatalf("%q on %q: %v", pattern, name, got)
		}
	})
}
