package engine

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestOutput holds an Output equal to bytes that are appended, cut and replaced.
func TestOutput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "data")
		var o Output
		o.Reset(data)
		var want []byte
		var ends []int
		t.Repeat(map[string]func(*rapid.T){
			"row": func(t *rapid.T) {
				begin := rapid.IntRange(0, len(data)).Draw(t, "begin")
				if rapid.Bool().Draw(t, "next") {
					begin = o.end // what follows the row before
				}
				end := rapid.IntRange(begin, len(data)).Draw(t, "end")
				o.Verbatim(begin, end)
				want = append(want, data[begin:end]...)
			},
			"text": func(t *rapid.T) {
				text := rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "text")
				o.SetText(append(o.Text(), text...))
				want = append(want, text...)
			},
			"mark": func(t *rapid.T) {
				o.mark()
				ends = append(ends, len(want))
			},
			"truncate": func(t *rapid.T) { // what was made of an event that is given up
				least := 0
				if len(ends) > 0 {
					least = ends[len(ends)-1]
				}
				n := rapid.IntRange(least, len(want)).Draw(t, "n")
				o.Truncate(n)
				want = want[:n]
			},
			"replace": func(t *rapid.T) { // an event
				if len(ends) == 0 {
					t.Skip()
				}
				n := rapid.IntRange(0, len(ends)-1).Draw(t, "n")
				begin, end := 0, ends[n]
				if n > 0 {
					begin = ends[n-1]
				}
				if begin == end {
					t.Skip() // nothing was written of it
				}
				other := rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "other")
				o.Replace(begin, end, other)
				want = slices.Concat(want[:begin], other, want[end:])
				for i := n; i < len(ends); i++ {
					ends[i] += len(other) - (end - begin)
				}
			},
			"reset": func(t *rapid.T) {
				o.Reset(data)
				want, ends = nil, nil
			},
			"": func(t *rapid.T) {
				if got := o.Bytes(); !bytes.Equal(got, want) || o.Len() != len(want) || !slices.Equal(o.ends, ends) {
					t.Fatalf("%q %v, want %q %v", got, o.ends, want, ends)
				}
			},
		})
	})
}

// TestGapIsNotMapped: a goroutine with an old pointer to a block that now holds a gap
// leaves it alone.
func TestGapIsNotMapped(t *testing.T) {
	b := &Block{}
	b.reset().gap = &Gap{}
	f, err := newFolder(verbatim(t, &bytes.Buffer{}), &blocks{all: []*Block{b}})
	if err != nil {
		t.Fatal(err)
	}
	if f.take(); b.claim() {
		t.Error("the gap was claimed")
	}
	f.ended = false
	<-f.start()
}
