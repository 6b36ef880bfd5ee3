package engine

import "testing"

// TestSourceNamesAreBounded: each sender of POSTs adds a name. Past the bound none gets
// another's.
func TestSourceNamesAreBounded(t *testing.T) {
	buf := NewBuffer(BufferOptions{Size: 1 << 20})
	for n := range 2 * maxSources {
		name := string(rune(0x4e00 + n))
		want := name
		if n >= maxSources-1 {
			want = otherSource
		}
		for range 2 {
			if got := buf.sources[buf.number(name)]; got != want {
				t.Fatalf("the %d-th source is called %s, want %s", n+1, got, want)
			}
		}
	}
	if len(buf.sources) != maxSources {
		t.Errorf("%d names", len(buf.sources))
	}
}
