package trace

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestWindow keeps the text around what was found last, of two files with a hole in them.
func TestWindow(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	files := [2][]byte{make([]byte, 5*halfWindow), make([]byte, 3*halfWindow)}
	for _, text := range files {
		for i := range text {
			text[i] = byte(i*i>>9 ^ i)
		}
	}
	for range 4 {
		w := &window{}
		foundFile, found := 0, int64(-1)
		hole := int64(-1)
		for file, text := range files {
			for at := 0; at < len(text); {
				n := min(1+r.IntN(1<<19), len(text)-at)
				if r.IntN(60) == 0 {
					at += n // a part that is not read
					hole = int64(at)
					continue
				}
				w.add(file, int64(at), text[at:at+n])
				if r.IntN(40) == 0 || found < 0 {
					foundFile, found, hole = file, int64(at+r.IntN(n)), -1
					w.found(file, found)
				}
				at += n
			}
		}
		got, begin := w.around(foundFile, found)
		if got == nil || found < begin || !bytes.Equal(got, files[foundFile][begin:begin+int64(len(got))]) {
			t.Fatalf("seed %d: %d bytes from %d around %d of file %d", seed, len(got), begin, found, foundFile)
		}
		end := begin + int64(len(got))
		if last := int64(len(files[foundFile])); hole < 0 && foundFile == 1 && end < min(found+halfWindow, last) {
			t.Fatalf("seed %d: the text around %d ends at %d of %d", seed, found, end, last)
		}
		if other, _ := w.around(foundFile, begin-1); other != nil {
			t.Fatalf("seed %d: text before the beginning", seed)
		}
	}
}
