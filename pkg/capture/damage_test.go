package capture

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/iotest"
)

// TestDamageFromEverywhere damages captures of several members or frames in
// every way, and reads them from a file and from what cannot be sought: both
// give the same lines, rejections and damage.
func TestDamageFromEverywhere(t *testing.T) {
	whole := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 0))
		pack := gzipped
		if seed%2 == 0 {
			pack = zstded
		}
		var all []byte
		for range 2 + r.IntN(4) {
			member := pack(t, noise(r))
			switch r.IntN(4) {
			case 0:
				member = member[:r.IntN(len(member))]
			case 1:
				member[r.IntN(len(member))] ^= byte(1 + r.IntN(255))
			case 2:
				member = append(member, fmt.Sprintf("garbage %d", r.Uint64())...)
			}
			all = append(all, member...)
		}
		all = append(all, pack(t, []byte("{\"n\":\"last\"}\n"))...)
		name := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(name, all, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		want := gather(t, f, 0)
		f.Close()
		if n := len(want.lines); n > 0 && want.lines[n-1] == `{"n":"last"}` && len(want.damage) > 0 {
			whole++
		}
		for what, in := range map[string]io.Reader{
			"pipe":      struct{ io.Reader }{bytes.NewReader(all)},
			"slow pipe": iotest.HalfReader(bytes.NewReader(all)),
			"bytes":     iotest.OneByteReader(bytes.NewReader(all)),
		} {
			if got := gather(t, in, 0); !reflect.DeepEqual(got, want) {
				t.Errorf("seed %d, %s: %d lines, %d rejects, damage %v; from a file %d, %d, %v",
					seed, what, len(got.lines), len(got.rejects), got.damage, len(want.lines), len(want.rejects), want.damage)
			}
		}
	}
	if whole < 20 {
		t.Errorf("the last member was read behind damage in %d captures only", whole)
	}
}

// noise is lines that compress badly, of up to a few blocks of zstd.
func noise(r *rand.Rand) (text []byte) {
	for range r.IntN(3000) {
		text = fmt.Appendf(text, "{\"n\":\"%x%x%x%x\"}\n", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
	}
	return text
}
