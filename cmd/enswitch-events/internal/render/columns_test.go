package render

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"
)

// TestColumns: an event that lacks a time, a class or a name has them in the
// columns all the same, in every style, with colour and without, on a terminal
// and elsewhere.
func TestColumns(t *testing.T) {
	events := []string{
		`{"mark":0,"class":"call","event":"start","machine":1,"timestamp":"1790000000.123456"}`,
		`{"mark":0,"class":"call","event":"start","machine":1}`,
		`{"mark":0,"event":"start","machine":12,"timestamp":"soon"}`,
		`{"mark":0,"class":"call","machine":1,"timestamp":"0.5"}`,
		`{"mark":0,"timestamp":null}`,
		`{"mark":0,"timestamp":{},"machine":1}`,
		`{"mark":0,"class":"call","event":"start","machine":1,"timestamp":"1790000001.0"}`,
	}
	zone := time.FixedZone("", 5400)
	for _, style := range Times() {
		for _, profile := range []colorprofile.Profile{colorprofile.NoTTY, colorprofile.ANSI256} {
			for _, width := range []int{0, 120} {
				for _, loc := range []*time.Location{time.UTC, zone} {
					r := mustNew(t, Options{Format: "line", Time: style, Profile: profile, Width: func() int { return width }, Location: loc})
					var lines []string
					columns := map[int]bool{}
					for _, e := range slices.Concat(events[1:2], events) { // one before any has a time, too
						if (style == "delta" || style == "unix") && strings.Contains(e, `"0.5"`) {
							continue // a time, or a difference, of another width
						}
						ev, x := mustScan(t, e)
						ev.Received = time.Time{} // it is of a file
						line := string(stripSGR(r.Event(nil, ev, x)))
						lines = append(lines, line)
						columns[strings.Index(line, " mark=")] = true
						if style != "none" && (line[0] == '-') == (strings.Contains(e, `"timestamp":"1790`) || strings.Contains(e, `"0.5"`)) {
							t.Errorf("%s: the time of %s is not told from none: %s", style, e, line)
						}
					}
					if len(columns) != 1 {
						t.Errorf("%s, %v, width %d: columns %v in\n%s", style, profile, width, columns, strings.Join(lines, ""))
					}
				}
			}
		}
	}
}

// TestColumnsOfReceived: a live event without a time has that of its receipt.
func TestColumnsOfReceived(t *testing.T) {
	for _, style := range []string{"local", "rfc3339", "unix", "delta"} {
		r := mustNew(t, Options{Format: "line", Time: style, Location: time.UTC})
		var out []byte
		for _, e := range []string{`{"class":"call","event":"start","timestamp":"1790000000.0"}`, `{"class":"call","event":"start"}`} {
			ev, x := mustScan(t, e)
			ev.Received = time.Unix(1790000000, 0)
			out = r.Event(out, ev, x)
		}
		lines := bytes.Split(out, []byte("\n"))
		if a, b := bytes.Index(lines[0], []byte("call.start")), bytes.Index(lines[1], []byte("~call.start")); a != b+1 {
			t.Errorf("%s:\n%s", style, out)
		}
	}
}
