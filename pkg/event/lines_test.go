package event

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

type rejected struct {
	line   string
	offset int64
	err    error
}

// readLines collects all that Lines hands out.
func readLines(r io.Reader, limit int) (got []string, rejects []rejected, err error) {
	reject := func(line []byte, offset int64, err error) {
		rejects = append(rejects, rejected{string(line), offset, err})
	}
	for line, e := range Lines(r, limit, reject) {
		if e != nil {
			err = e
			continue
		}
		got = append(got, string(line))
	}
	return got, rejects, err
}

// splitLines is what Lines should do, the simple way.
func splitLines(data []byte, limit int) (want []string, rejects []rejected) {
	offset := int64(0)
	for i, line := range bytes.Split(data, []byte("\n")) {
		text := bytes.TrimSuffix(line, []byte("\r"))
		if len(text) > limit {
			rejects = append(rejects, rejected{string(text[:min(len(text), 4096)]), offset, ErrTooLong})
		} else {
			if i == 0 {
				text = bytes.TrimPrefix(text, []byte("\ufeff"))
			}
			if len(bytes.Trim(text, " \t\r")) > 0 {
				want = append(want, string(text))
			}
		}
		offset += int64(len(line)) + 1
	}
	return want, rejects
}

func TestLines(t *testing.T) {
	const limit = 10
	for _, tt := range []struct {
		name, in string
		want     []string
		rejects  []rejected
	}{
		{name: "nothing"},
		{name: "one", in: "{}\n", want: []string{"{}"}},
		{name: "last without newline", in: "{}\n[]", want: []string{"{}", "[]"}},
		{name: "crlf", in: "a\r\nb\r\n", want: []string{"a", "b"}},
		{name: "cr at the end", in: "a\r", want: []string{"a"}},
		{name: "cr inside stays", in: "a\rb\n", want: []string{"a\rb"}},
		{name: "blank ones", in: "\n \t\r\n\r\na\n\n", want: []string{"a"}},
		{name: "other spaces stay", in: " a \n", want: []string{" a "}},
		{name: "byte order mark", in: "\ufeff{}\n\ufeff{}\n", want: []string{"{}", "\ufeff{}"}},
		{name: "only a byte order mark", in: "\ufeff"},
		{
			name: "just short enough", in: "0123456789\n0123456789\r\n0123456789",
			want: []string{"0123456789", "0123456789", "0123456789"},
		},
		{
			name: "too long", in: "a\n0123456789x\nb\n", want: []string{"a", "b"},
			rejects: []rejected{{"0123456789x", 2, ErrTooLong}},
		},
		{
			name: "too long by a cr", in: "0123456789\rx\nb", want: []string{"b"},
			rejects: []rejected{{"0123456789\rx", 0, ErrTooLong}},
		},
		{
			name: "too long at the end", in: "a\r\n0123456789x", want: []string{"a"},
			rejects: []rejected{{"0123456789x", 3, ErrTooLong}},
		},
		{
			name: "two too long", in: "0123456789x\n0123456789y\n\n",
			rejects: []rejected{{"0123456789x", 0, ErrTooLong}, {"0123456789y", 12, ErrTooLong}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, rejects, err := readLines(strings.NewReader(tt.in), limit)
			if err != nil || !slices.Equal(got, tt.want) || !slices.Equal(rejects, tt.rejects) {
				t.Errorf("got %q, rejected %v, error %v; want %q, %v", got, rejects, err, tt.want, tt.rejects)
			}
		})
	}
}

// TestLinesReaders gives the same bytes by readers of every habit, across
// several sizes of the buffer.
func TestLinesReaders(t *testing.T) {
	const limit = 3 * linesBuffer
	var b bytes.Buffer
	for i, n := range []int{0, 1, 300, linesBuffer - 1, linesBuffer, 7, linesBuffer + 1, limit, limit + 1, 5 * linesBuffer, 3} {
		b.WriteString(strings.Repeat(string(rune('a'+i)), n))
		b.WriteString([]string{"\n", "\r\n"}[i%2])
	}
	b.WriteString("the last")
	want, wantRejects := splitLines(b.Bytes(), limit)
	if len(wantRejects) != 2 {
		t.Fatalf("%d lines too long, want 2", len(wantRejects))
	}
	for name, r := range map[string]io.Reader{
		"whole":           bytes.NewReader(b.Bytes()),
		"a byte at once":  iotest.OneByteReader(bytes.NewReader(b.Bytes())),
		"half":            iotest.HalfReader(bytes.NewReader(b.Bytes())),
		"EOF with data":   iotest.DataErrReader(bytes.NewReader(b.Bytes())),
		"now and then":    &lazyReader{r: bytes.NewReader(b.Bytes()), nothing: emptyReads - 1},
		"odd pieces":      &pieceReader{r: bytes.NewReader(b.Bytes()), sizes: []int{1, 70000, 3, 4095}},
		"exactly buffers": &pieceReader{r: bytes.NewReader(b.Bytes()), sizes: []int{linesBuffer}},
	} {
		t.Run(name, func(t *testing.T) {
			got, rejects, err := readLines(r, limit)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("got %d lines and error %v, want %d lines", len(got), err, len(want))
			}
			// How much of a line has come when it proves too long differs.
			if len(rejects) != len(wantRejects) {
				t.Fatalf("%d lines rejected, want %d", len(rejects), len(wantRejects))
			}
			for i, r := range rejects {
				if r != wantRejects[i] {
					t.Errorf("rejected %d bytes at %d: %v", len(r.line), r.offset, r.err)
				}
			}
		})
	}
}

// lazyReader reads nothing for a number of times before each read.
type lazyReader struct {
	r       io.Reader
	nothing int
	times   int
}

func (l *lazyReader) Read(p []byte) (int, error) {
	if l.times++; l.times <= l.nothing {
		return 0, nil
	}
	l.times = 0
	return l.r.Read(p)
}

// pieceReader reads in pieces of the given sizes, in turn.
type pieceReader struct {
	r     io.Reader
	sizes []int
	n     int
}

func (r *pieceReader) Read(p []byte) (int, error) {
	n := min(len(p), r.sizes[r.n%len(r.sizes)])
	r.n++
	return r.r.Read(p[:n])
}

func TestLinesError(t *testing.T) {
	broken := errors.New("broken")
	tests := map[string]struct {
		r       io.Reader
		want    []string
		rejects []rejected
		err     error
	}{
		"after a line": {io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(broken)), []string{"a"}, nil, broken},
		"in a line": {
			io.MultiReader(strings.NewReader("a\nbc"), iotest.ErrReader(broken)),
			[]string{"a"},
			[]rejected{{"bc", 2, broken}},
			broken,
		},
		"in a line too long": {
			io.MultiReader(strings.NewReader("0123456789xy"), strings.NewReader("z"), iotest.ErrReader(broken)), nil,
			[]rejected{{"0123456789xy", 0, ErrTooLong}},
			broken,
		},
		"with data":      {iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("\nb"))), nil, nil, iotest.ErrTimeout},
		"unexpected EOF": {iotest.ErrReader(io.ErrUnexpectedEOF), nil, nil, io.ErrUnexpectedEOF},
		"no progress":    {&lazyReader{r: strings.NewReader("a"), nothing: emptyReads}, nil, nil, io.ErrNoProgress},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, rejects, err := readLines(tt.r, 10)
			if err != tt.err || !slices.Equal(got, tt.want) || !slices.Equal(rejects, tt.rejects) {
				t.Errorf("got %q, rejected %v, error %v; want %q, %v, %v", got, rejects, err, tt.want, tt.rejects, tt.err)
			}
		})
	}
}

// TestLinesAtOnce proves that a line does not wait for the next read.
func TestLinesAtOnce(t *testing.T) {
	r, w := io.Pipe()
	shown := make(chan string)
	go func() {
		defer close(shown)
		for line, err := range Lines(r, 100, nil) {
			if err == nil {
				shown <- string(line)
			}
		}
	}()
	for _, line := range []string{"first", "second"} {
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			t.Fatal(err)
		}
		if got := <-shown; got != line {
			t.Errorf("got %q, want %q", got, line)
		}
	}
	w.Close()
	if got, more := <-shown; more {
		t.Errorf("got %q after the end", got)
	}
}

func TestLinesBreak(t *testing.T) {
	for line := range Lines(strings.NewReader("a\nb\nc"), 10, nil) {
		if string(line) == "b" {
			return
		}
	}
	t.Error("b did not come")
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{"", "\n", "a\r\n\r\nb", "\ufeff{}\n", "0123456789\r\n0123456789ab\nc", "\r\r\r\n", "\x00\n\xff"} {
		f.Add([]byte(s), 10, 3)
	}
	f.Fuzz(func(t *testing.T, data []byte, limit, piece int) {
		limit = min(max(limit, 0), 1<<20)
		want, wantRejects := splitLines(data, limit)
		got, rejects, err := readLines(&pieceReader{r: bytes.NewReader(data), sizes: []int{max(piece, 1), 1}}, limit)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q, error %v, want %q", got, err, want)
		}
		if len(rejects) != len(wantRejects) {
			t.Fatalf("rejected %v, want %v", rejects, wantRejects)
		}
		for i, r := range rejects {
			w := wantRejects[i]
			if r.offset != w.offset || r.err != w.err || len(r.line) > rejectStart ||
				!strings.HasPrefix(w.line, strings.TrimSuffix(r.line, "\r")) || len(r.line) < min(limit, rejectStart) {
				t.Errorf("rejected %v, want %v", r, w)
			}
		}
	})
}

func BenchmarkLines(b *testing.B) {
	data := bytes.Repeat([]byte(event256+"\n"), 1<<12)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range Lines(bytes.NewReader(data), 1<<20, nil) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 1<<12 {
			b.Fatal(n)
		}
	}
}
