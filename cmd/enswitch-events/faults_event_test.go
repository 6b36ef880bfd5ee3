//go:build unix

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An event of the tests has a number, "n", which is a string in a POST.
func testEvent(n int) []byte { return appendEvent(nil, n) }

// appendEvent does without package fmt: some rows have a million events.
func appendEvent(dst []byte, n int) []byte {
	dst = append(dst, `{"class":"call","event":"start","timestamp":"1234567890.`...)
	dst = append(dst, strconv.Itoa(1e6 + n%1e6)[1:]...)
	dst = append(dst, `","n":`...)
	return append(strconv.AppendInt(dst, int64(n), 10), '}')
}

// appendPadded appends an event with a long field.
func appendPadded(dst []byte, n, size int) []byte {
	dst = appendEvent(slices.Grow(dst, size+120), n)
	dst = append(dst[:len(dst)-1], `,"pad":"`...)
	pad := dst[len(dst) : len(dst)+size]
	for i := range pad {
		pad[i] = 'x'
	}
	return append(dst[:len(dst)+size], `"}`...)
}

// compareLines returns how the lines of r differ from the first that line appends,
// total of them. It keeps none of them, as a text does.
func compareLines(r io.Reader, total int, line func(dst []byte, n int) []byte) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	var wanted []byte
	for n := range total {
		if !lines.Scan() {
			return fmt.Errorf("line %d: %w", n, cmp.Or(lines.Err(), io.ErrUnexpectedEOF))
		}
		if wanted = line(wanted[:0], n); !bytes.Equal(lines.Bytes(), wanted) {
			return fmt.Errorf("line %d: %.200q where %.200q should be", n, lines.Bytes(), wanted)
		}
	}
	return nil
}

// seq is the numbers from first to last.
func seq(first, last int) (all []int) {
	for n := first; n <= last; n++ {
		all = append(all, n)
	}
	return all
}

// events returns the numbers of the events in lines.
func events(t *testing.T, lines []string) (all []int) {
	t.Helper()
	for _, line := range lines {
		if n, ok := number(t, line); ok {
			all = append(all, n)
		}
	}
	return all
}

// number returns the number of an event; a gap record has none.
func number(t *testing.T, line string) (int, bool) {
	t.Helper()
	if n, ok := asSent(line); ok {
		return n, true
	}
	var e struct {
		Class string
		N     any
	}
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Errorf("not JSON on stdout: %q", line)
		return 0, false
	}
	if e.Class == "enswitch-events" {
		return 0, false
	}
	n, err := strconv.Atoi(fmt.Sprint(e.N))
	if err != nil {
		t.Errorf("no number: %s", line)
	}
	return n, true
}

// asSent returns the number of a line that is, byte for byte, what testEvent or
// padded makes of it. To parse it all takes most of the time of a test with many
// events.
func asSent(line string) (int, bool) {
	head, rest, _ := strings.Cut(line, `"n":`)
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	n, err := strconv.Atoi(rest[:digits])
	if err != nil {
		return 0, false
	}
	var room [120]byte
	event := appendEvent(room[:0], n)
	begin := len(head) + len(`"n":`) + digits
	if len(event) != begin+1 || line[:min(begin, len(line))] != string(event[:begin]) {
		return 0, false
	}
	pad, padded := strings.CutPrefix(line[begin:], `,"pad":"`)
	if padded {
		pad, padded = strings.CutSuffix(pad, `"}`)
	}
	return n, line == string(event) || padded && strings.Count(pad, "x") == len(pad)
}

func brief(n []int) string {
	if len(n) > 12 {
		return fmt.Sprintf("%d from %v to %v", len(n), n[:6], n[len(n)-6:])
	}
	return fmt.Sprint(n)
}
