package capture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	kgzip "github.com/klauspost/compress/gzip"
)

// calls returns n lines that are as alike as those of a switch.
func calls(n int, class string) (text []byte) {
	for i := range n {
		text = fmt.Appendf(text, "{\"class\":%q,\"event\":\"route\",\"timestamp\":\"%d.%06d\",\"n\":%d,\"pad\":\"%s\"}\n",
			class, 1790000000+i/100, i%100*10000, i, strings.Repeat("x", i*7%60))
	}
	return text
}

// before returns the whole lines of what a cut member still has.
func before(t *testing.T, cut []byte) []string {
	t.Helper()
	z, err := kgzip.NewReader(bytes.NewReader(cut))
	if err != nil {
		return nil
	}
	text, _ := io.ReadAll(z)
	lines := strings.Split(string(text), "\n")
	return lines[:len(lines)-1]
}

func linesOf(text []byte) []string {
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// sameCut holds what is read of stored equal to those lines and cuts.
func sameCut(t *testing.T, what string, stored []byte, lines []string, cuts []int64) {
	t.Helper()
	for from, in := range map[string]io.Reader{
		"file":      file(t, stored),
		"pipe":      struct{ io.Reader }{bytes.NewReader(stored)},
		"slow pipe": iotest.HalfReader(bytes.NewReader(stored)),
	} {
		g := gather(t, in, 0)
		if !slices.Equal(g.lines, lines) {
			t.Errorf("%s, %s: %d lines, not the %d that are there", what, from, len(g.lines), len(lines))
		}
		var at []int64
		for _, d := range g.damage {
			at = append(at, d.Offset)
			if !errors.Is(d, io.ErrUnexpectedEOF) {
				t.Errorf("%s, %s: %v", what, from, d)
			}
		}
		if !slices.Equal(at, cuts) {
			t.Errorf("%s, %s: damage at %v, not at %v", what, from, at, cuts)
		}
	}
}

// TestCutMember cuts a member everywhere in its header and its trailer and in
// many places between, with another one behind it.
func TestCutMember(t *testing.T) {
	one, next := gzipped(t, calls(30000, "call")), calls(200, "next")
	r := rand.New(rand.NewPCG(1, 2))
	var places []int
	for i := range 10 {
		places = append(places, len(gzipMagic)+i, len(one)-1-i)
	}
	for range 20 {
		places = append(places, 23+r.IntN(len(one)-50))
	}
	behind := map[string][]byte{"a member": gzipped(t, next), "a named member": named(t, next), "a flushed member": flushed(t, next)}
	for name, more := range behind {
		for i, at := range places {
			if name != "a member" && i%4 != 0 {
				continue
			}
			stored := slices.Concat(one[:at], more)
			sameCut(t, fmt.Sprintf("%s behind a cut at %d", name, at), stored, append(before(t, one[:at]), linesOf(next)...), []int64{int64(at)})
		}
	}
}

// TestCutMembers puts several cut members in a row, the last of which may be
// whole, and others that are whole between them.
func TestCutMembers(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 3))
		var stored []byte
		var lines []string
		var cuts []int64
		for i := range 2 + r.IntN(6) {
			text := calls(1+r.IntN(2000), fmt.Sprint("c", i))
			part := gzipped(t, text)
			at := len(part)
			switch r.IntN(5) {
			case 0:
				at = len(gzipMagic) + 1 + r.IntN(10)
			case 1:
				at -= 1 + r.IntN(8)
			case 2, 3:
				at = 14 + r.IntN(at-14)
			}
			stored = append(stored, part[:at]...)
			lines = append(lines, before(t, part[:at])...)
			if at < len(part) {
				cuts = append(cuts, int64(len(stored)))
			}
		}
		sameCut(t, fmt.Sprint("seed ", seed), stored, lines, cuts)
	}
}

// TestWholeMembers reads what only looks like the beginning of a member, and
// many small members.
func TestWholeMembers(t *testing.T) {
	var like bytes.Buffer
	w, err := gzip.NewWriterLevel(&like, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(strings.Repeat("\x1f\x8b\x08\x00 a header\n\x1f\x8b\x08\x1f\x1f\x8b\x08\x00\x1f\x8b\n", 4000) + strings.Repeat("the end ", 50) + "\n{}\n")
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sameCut(t, "what looks like members", like.Bytes(), linesOf(text), nil)

	var many []byte
	var lines []string
	for i := range 1000 {
		part := calls(i%3, fmt.Sprint(i))
		many = append(many, gzipped(t, part)...)
		if len(part) > 0 {
			lines = append(lines, linesOf(part)...)
		}
	}
	sameCut(t, "small members", many, lines, nil)
}

// named is a member with the name of its file in the header.
func named(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Name, w.Extra, w.Comment = "events.ndjson", []byte("extra"), "a comment"
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// flushed is a member that is flushed behind each line.
func flushed(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for _, line := range bytes.SplitAfter(text, []byte("\n")) {
		if _, err := w.Write(line); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
