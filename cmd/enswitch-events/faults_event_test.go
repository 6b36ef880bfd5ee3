//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An event of the tests has a number, "n", which is a string in a POST.
func testEvent(n int) []byte {
	return fmt.Appendf(nil, `{"class":"call","event":"start","timestamp":"1234567890.%06d","n":%d}`, n%1e6, n)
}

// padded is an event with a long field.
func padded(n, size int) []byte {
	e := testEvent(n)
	e = append(slices.Grow(e, size+10)[:len(e)-1], `,"pad":"`...)
	return append(append(e, strings.Repeat("x", size)...), `"}`...)
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
	event := string(testEvent(n))
	begin := len(head) + len(`"n":`) + digits
	if len(event) != begin+1 || !strings.HasPrefix(line, event[:begin]) {
		return 0, false
	}
	pad, padded := strings.CutPrefix(line[begin:], `,"pad":"`)
	if padded {
		pad, padded = strings.CutSuffix(pad, `"}`)
	}
	return n, line == event || padded && strings.Count(pad, "x") == len(pad)
}

func brief(n []int) string {
	if len(n) > 12 {
		return fmt.Sprintf("%d from %v to %v", len(n), n[:6], n[len(n)-6:])
	}
	return fmt.Sprint(n)
}
