package capture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

// gathered is all that a reader gave.
type gathered struct {
	lines   []string
	rejects []string
	damage  []Damage
	err     error
}

func gather(t testing.TB, in io.Reader, maxLine int) (g gathered) {
	t.Helper()
	r := NewReader(in, &Options{
		MaxLine:  maxLine,
		OnReject: func(line []byte, at int64, err error) { g.rejects = append(g.rejects, fmt.Sprintf("%d:%v", at, err)) },
		OnDamage: func(d Damage) { g.damage = append(g.damage, d) },
	})
	for ev, err := range r.Events() {
		if err != nil {
			g.err = err
			break
		}
		if ev.Source != "stdin" {
			t.Fatalf("source %q", ev.Source)
		}
		g.lines = append(g.lines, string(ev.Raw))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return g
}

func gzipped(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t testing.TB, text []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(text, nil)
}

func TestNext(t *testing.T) {
	long := strings.Repeat("x", 30)
	for _, row := range []struct {
		name, in string
		max      int
		lines    []string
		rejects  []string
		damage   int
	}{
		{name: "empty"},
		{name: "blank lines", in: "\n \r\n\t\n"},
		{name: "line ends", in: "{}\n{} \r\n{}", lines: []string{"{}", "{} ", "{}"}},
		{name: "mark", in: "\ufeff{}\n", lines: []string{"{}"}},
		{name: "cut", in: "{}\n{\"a", lines: []string{"{}"}, rejects: []string{"3:the last line is cut short"}, damage: 1},
		{name: "too long", in: "a\n" + long + "\nb\n", max: 20, lines: []string{"a", "b"}, rejects: []string{"2:line too long"}},
		{name: "too long by one", in: "a\n" + long + "\nb\n", max: 29, lines: []string{"a", "b"}, rejects: []string{"2:line too long"}},
		{name: "just not too long", in: "a\n" + long + "\r\nb\n", max: 30, lines: []string{"a", long, "b"}},
		{name: "too long at the end", in: "a\n" + long, max: 20, lines: []string{"a"}, rejects: []string{"2:line too long"}},
		{name: "tiny", in: "a\nbb\nc\n", max: 1, lines: []string{"a", "c"}, rejects: []string{"2:line too long"}},
		{name: "xz", in: "\xfd7zXZ\x00abc\n", damage: 1},
		{name: "first letters of xz", in: "\xfd7z\n", lines: []string{"\xfd7z"}},
	} {
		for how, wrap := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "dataerr": iotest.DataErrReader,
		} {
			g := gather(t, wrap(strings.NewReader(row.in)), row.max)
			if !slices.Equal(g.lines, row.lines) || !slices.Equal(g.rejects, row.rejects) || len(g.damage) != row.damage || g.err != nil {
				t.Errorf("%s, %s: got %+v", row.name, how, g)
			}
		}
	}
}

func TestReadErrors(t *testing.T) {
	bad := errors.New("disk on fire")
	g := gather(t, io.MultiReader(strings.NewReader("a\nbc"), iotest.ErrReader(bad)), 0)
	if !slices.Equal(g.lines, []string{"a"}) || !slices.Equal(g.rejects, []string{"2:disk on fire"}) || !errors.Is(g.err, bad) {
		t.Errorf("in a line: %+v", g)
	}
	for _, in := range []string{"{\"a\":1}\n{\"b", string(gzipped(t, []byte(strings.Repeat("{}\n", 100))))[:20]} {
		g := gather(t, io.MultiReader(strings.NewReader(in), iotest.ErrReader(bad)), 0)
		if !errors.Is(g.err, bad) {
			t.Errorf("%q: %v", in, g.err)
		}
	}
	if _, err := Open(t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory opens: %v", err)
	}
}

// file writes a file and opens it as a capture.
func file(t testing.TB, content []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "capture")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func text(n int) (text []byte, lines []string) {
	for i := range n {
		line := fmt.Sprintf(`{"class":"call","event":"start","n":%d,"x":"%x"}`, i, i*i*7919)
		lines = append(lines, line)
		text = append(append(text, line...), '\n')
	}
	return text, lines
}

func TestCompressed(t *testing.T) {
	all, lines := text(20000)
	half := len(all) / 2
	for bytes.Count(all[:half], []byte("\n")) == 0 || all[half-1] != '\n' {
		half++
	}
	for name, pack := range map[string]func(testing.TB, []byte) []byte{"gzip": gzipped, "zstd": zstded} {
		one := pack(t, all)
		two := append(pack(t, all[:half]), pack(t, all[half:])...)
		for how, stored := range map[string][]byte{"one": one, "two": two} {
			if g := gather(t, file(t, stored), 0); !slices.Equal(g.lines, lines) || len(g.damage) > 0 || g.err != nil {
				t.Errorf("%s, %s: %d lines, %v, %v", name, how, len(g.lines), g.damage, g.err)
			}
			if g := gather(t, bytes.NewReader(stored), 0); !slices.Equal(g.lines, lines) || len(g.damage) > 0 || g.err != nil {
				t.Errorf("%s, %s from a pipe: %d lines, %v, %v", name, how, len(g.lines), g.damage, g.err)
			}
		}
		// Cut off: what came before is there, the damage is told at the end.
		cut := one[:len(one)*3/4]
		g := gather(t, file(t, cut), 0)
		if len(g.damage) != 1 || !errors.Is(g.damage[0], io.ErrUnexpectedEOF) || g.damage[0].Offset < int64(len(cut)*9/10) {
			t.Errorf("%s cut: %v", name, g.damage)
		}
		if len(g.lines) < len(lines)/2 || !slices.Equal(g.lines, lines[:len(g.lines)]) {
			t.Errorf("%s cut: %d lines", name, len(g.lines))
		}
		// Cut off and then appended to: what follows is there, too.
		more := pack(t, []byte("{\"more\":1}\n{\"more\":2}\n"))
		g = gather(t, file(t, append(slices.Clone(cut), more...)), 0)
		if n := len(g.lines); len(g.damage) == 0 || n < 2 || g.lines[n-1] != `{"more":2}` || g.lines[n-2] != `{"more":1}` {
			t.Errorf("%s cut and appended to: %d lines, %v", name, len(g.lines), g.damage)
		}
		// Garbage behind it.
		g = gather(t, file(t, append(slices.Clone(one), "garbage"...)), 0)
		if !slices.Equal(g.lines, lines) || len(g.damage) != 1 {
			t.Errorf("%s with garbage: %d lines, %v", name, len(g.lines), g.damage)
		}
	}
	padded := append(gzipped(t, all), make([]byte, 1000)...)
	if g := gather(t, file(t, padded), 0); !slices.Equal(g.lines, lines) || len(g.damage) > 0 {
		t.Errorf("padded: %d lines, %v", len(g.lines), g.damage)
	}
}

// splitLines is what a Reader does with text that ends in a newline, the simple way.
func splitLines(text string, maxLine int) (g gathered) {
	at := 0
	for line := range strings.Lines(text) {
		switch short := strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"); {
		case len(short) > maxLine:
			g.rejects = append(g.rejects, fmt.Sprintf("%d:%v", at, ErrTooLong))
		case strings.Trim(short, " \t\r") != "":
			g.lines = append(g.lines, short)
		}
		at += len(line)
	}
	return g
}

// TestPieces: what comes out does not depend on the pieces in which the text comes.
func TestPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.OneOf(rapid.Just(""), rapid.Just("{}"), rapid.Just(" \r"), rapid.Just("{\"a\":1}\r"), rapid.StringMatching(`[a-z]{0,40}`))
		in := strings.Join(rapid.SliceOf(line).Draw(t, "lines"), "\n") + "\n"
		maxLine := rapid.IntRange(1, 50).Draw(t, "max")
		want := splitLines(in, maxLine)
		pieces := io.Reader(strings.NewReader(in))
		if n := rapid.IntRange(0, 20).Draw(t, "piece"); n > 0 {
			pieces = piecewise{pieces, n}
		}
		var got gathered
		r := NewReader(pieces, &Options{MaxLine: maxLine, OnReject: func(_ []byte, at int64, err error) {
			got.rejects = append(got.rejects, fmt.Sprintf("%d:%v", at, err))
		}})
		for ev, err := range r.Events() {
			if err != nil {
				t.Fatal(err)
			}
			got.lines = append(got.lines, string(ev.Raw))
		}
		if !slices.Equal(got.lines, want.lines) || !slices.Equal(got.rejects, want.rejects) {
			t.Fatalf("in %q max %d: got %+v, want %+v", in, maxLine, got, want)
		}
	})
}

type piecewise struct {
	r io.Reader
	n int
}

func (p piecewise) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }

// TestLargeLines: lines around the sizes of the buffer, by readers of every habit.
func TestLargeLines(t *testing.T) {
	const maxLine = 3 * BlockSize
	var text strings.Builder
	for i, n := range []int{0, 1, 300, BlockSize - 1, BlockSize, 7, BlockSize + 1, maxLine, maxLine + 1, 5 * BlockSize, 3} {
		text.WriteString(strings.Repeat(string(rune('a'+i)), n))
		text.WriteString([]string{"\n", "\r\n"}[i%2])
	}
	want := splitLines(text.String(), maxLine)
	if len(want.rejects) != 2 {
		t.Fatalf("%d lines are too long, not 2", len(want.rejects))
	}
	in := func() io.Reader { return strings.NewReader(text.String()) }
	for name, r := range map[string]io.Reader{
		"whole": in(), "file": file(t, []byte(text.String())), "half": iotest.HalfReader(in()), "EOF with data": iotest.DataErrReader(in()),
		"pieces": piecewise{in(), 70_000}, "blocks": piecewise{in(), BlockSize}, "now and then": &lazy{r: in(), nothing: emptyReads - 1},
	} {
		g := gather(t, r, maxLine)
		if !slices.Equal(g.lines, want.lines) || !slices.Equal(g.rejects, want.rejects) || g.err != nil {
			t.Errorf("%s: %d lines, %v, %v", name, len(g.lines), g.rejects, g.err)
		}
	}
	if g := gather(t, &lazy{r: in(), nothing: emptyReads}, maxLine); g.err != io.ErrNoProgress {
		t.Errorf("of a reader that reads nothing: %v", g.err)
	}
}

// lazy reads nothing for a number of times before each read.
type lazy struct {
	r       io.Reader
	nothing int
	times   int
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.times++; l.times <= l.nothing {
		return 0, nil
	}
	l.times = 0
	return l.r.Read(p)
}

// TestAtOnce: a line that comes alone on a pipe does not wait for the next one.
func TestAtOnce(t *testing.T) {
	in, out := io.Pipe()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for ev, err := range NewReader(in, nil).Events() {
			if err == nil {
				lines <- string(ev.Raw)
			}
		}
	}()
	for _, line := range []string{"first", "second"} {
		if _, err := io.WriteString(out, line+"\n"); err != nil {
			t.Fatal(err)
		}
		if got := <-lines; got != line {
			t.Errorf("got %q, want %q", got, line)
		}
	}
	out.Close()
	if got, more := <-lines; more {
		t.Errorf("got %q after the end", got)
	}
}

func FuzzReader(f *testing.F) {
	all, _ := text(50)
	f.Add(all, 100)
	for _, stored := range [][]byte{gzipped(f, all), zstded(f, all)} {
		f.Add(stored, 1000)
		f.Add(stored[:len(stored)/2], 1000)
		f.Add(append(stored[:len(stored)/2:len(stored)/2], stored...), 1000)
	}
	f.Add([]byte("\x28\xb5\x2f\xfd\x1f\x8b\x08"), 3)
	f.Fuzz(func(t *testing.T, in []byte, maxLine int) {
		if maxLine < 1 || maxLine > 1<<20 {
			t.Skip()
		}
		for _, r := range []*Reader{
			NewReader(bytes.NewReader(in), &Options{MaxLine: maxLine}),
			NewReader(file(t, in), &Options{MaxLine: maxLine}),
		} {
			for ev, err := range r.Events() {
				if err != nil {
					t.Fatalf("a read error: %v", err)
				}
				if len(ev.Raw) > maxLine || bytes.IndexByte(ev.Raw, '\n') >= 0 {
					t.Fatalf("line of %d bytes", len(ev.Raw))
				}
			}
			r.Close()
		}
	})
}
