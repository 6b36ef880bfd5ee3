//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// The reference is cat once more, as plainly as it can be written: one line
// after another, encoding/json and gojq, no blocks, no workers, no shortcuts.
// It shares no code with the program but the renderer of the formats for
// people, which it gives one event after another.

// counts are the numbers of the ledger that cat tells at its end.
type counts struct {
	Received, Kept, Filtered, Rejected, Repaired, Failed int64
}

// answer is what a run of cat should come to.
type answer struct {
	stdout []byte
	code   int
	counts
	keptRepaired int64 // of the repaired, those that were kept
	ended        bool  // before the end of what there is to read
}

// record is a line that is an event.
type record struct {
	raw      []byte // its bytes in the capture
	text     []byte // valid JSON in valid UTF-8
	repaired bool
	fields   []pair         // in the order received
	value    map[string]any // for gojq
}

// pair is a field and its value, as JSON.
type pair struct {
	name string
	json []byte
}

// parseRecord returns false for a line that is no event: no JSON object, even
// with its strings repaired.
func parseRecord(line []byte) (*record, bool) {
	r := &record{raw: line}
	r.text, r.repaired = repair(line)
	if !json.Valid(r.text) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(r.text))
	if brace, err := d.Token(); err != nil || brace != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, false
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, false
		}
		r.fields = append(r.fields, pair{name.(string), raw})
	}
	d = json.NewDecoder(bytes.NewReader(r.text))
	d.UseNumber()
	return r, d.Decode(&r.value) == nil
}

// repair makes the contents of strings valid: what is not UTF-8 becomes U+FFFD,
// a raw control character is escaped, and the escape of half a surrogate pair
// becomes \ufffd. Everything outside of strings stays.
func repair(line []byte) (text []byte, repaired bool) {
	inside := false
	for i := 0; i < len(line); {
		c := line[i]
		r, n := utf8.DecodeRune(line[i:])
		switch {
		case !inside:
			inside = c == '"'
			text, n = append(text, c), 1
		case c == '"':
			inside = false
			text = append(text, c)
		case c == '\\':
			var half bool
			n, half = escape(line[i:])
			if half {
				text, repaired = append(text, `\ufffd`...), true
			} else {
				text = append(text, line[i:i+n]...)
			}
		case c < 0x20:
			text, repaired = append(text, control(c)...), true
		case r == utf8.RuneError && n == 1:
			text, repaired = append(text, "\ufffd"...), true
		default:
			text = append(text, line[i:i+n]...)
		}
		i += n
	}
	return text, repaired
}

func control(c byte) string {
	if i := strings.IndexByte("\n\r\t", c); i >= 0 {
		return `\` + "nrt"[i:i+1]
	}
	return fmt.Sprintf(`\u%04x`, c)
}

var (
	highHalf = regexp.MustCompile(`^\\u[dD][89abAB][0-9a-fA-F]{2}`)
	lowHalf  = regexp.MustCompile(`^\\u[dD][c-fC-F][0-9a-fA-F]{2}`)
)

// escape returns the length of the escape that text begins with, both halves of
// a surrogate pair being one, and whether it is only half of one.
func escape(text []byte) (n int, half bool) {
	switch {
	case highHalf.Match(text) && lowHalf.Match(text[6:]):
		return 12, false
	case highHalf.Match(text), lowHalf.Match(text):
		return 6, true
	}
	return min(2, len(text)), false
}

// field returns the last field of that name: as JSON does, of a repeated one the
// last counts. A dotted name that no field has reaches into an object.
func field(fields []pair, name string) (value []byte, ok bool) {
	for _, f := range fields {
		if f.name == name {
			value, ok = f.json, true
		}
	}
	if ok {
		return value, true
	}
	for i := range len(name) {
		if name[i] != '.' {
			continue
		}
		object, _ := field(fields, name[:i])
		if inner, ok := parseRecord(object); ok {
			return field(inner.fields, name[i+1:])
		}
		return nil, false
	}
	return nil, false
}

// words is a value as text: a string without its escapes, all else as JSON.
func words(value []byte) string {
	var s string
	if json.Unmarshal(value, &s) == nil && value[0] == '"' {
		return s
	}
	return string(value)
}

var plainTime = regexp.MustCompile(`^([0-9]{1,12})(?:\.([0-9]+))?$`)

// time returns the event's timestamp in microseconds.
func (r *record) time() (usec int64, ok bool) {
	value, _ := field(r.fields, "timestamp")
	if len(value) == 0 || value[0] == '{' || value[0] == '[' {
		return 0, false
	}
	m := plainTime.FindStringSubmatch(words(value))
	if m == nil {
		return 0, false
	}
	sec, _ := strconv.ParseInt(m[1], 10, 64)
	micro, _ := strconv.ParseInt((m[2] + "000000")[:6], 10, 64)
	return sec*1_000_000 + micro, true
}

// item is a line in the order in which cat comes to it, or a file that cannot be
// opened.
type item struct {
	source  string
	line    []byte // without its end
	tooLong bool
	cut     bool // a last line without its end, which is then an event or damage
	missing bool
}

// items returns the contents of a file.
func (f *capturedFile) items(max int) (all []item) {
	if f.kind == "missing" || f.kind == "directory" {
		return []item{{missing: true}}
	}
	text := bytes.TrimPrefix(f.text(), []byte("\ufeff"))
	for len(text) > 0 {
		line, rest, whole := bytes.Cut(text, []byte{'\n'})
		text = rest
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(bytes.Trim(line, " \t\r")) > 0 {
			all = append(all, item{source: f.source(), line: line, tooLong: len(line) > max, cut: !whole})
		}
	}
	return all
}

// sequence puts the lines of all files in order: file by file, or by time.
func (c *catCase) sequence() (all []item) {
	files := make([][]item, len(c.files))
	for i := range c.files {
		files[i] = c.files[i].items(c.maxLine)
		if !c.merge {
			all = append(all, files[i]...)
		}
	}
	if !c.merge {
		return all
	}
	// A line without a time goes with the one before it in its file.
	now := make([]int64, len(files))
	for i := range now {
		now[i] = head(files[i], math.MinInt64)
	}
	for {
		first := -1
		for i := range files {
			if len(files[i]) > 0 && (first < 0 || now[i] < now[first]) {
				first = i
			}
		}
		if first < 0 {
			return all
		}
		all = append(all, files[first][0])
		files[first] = files[first][1:]
		now[first] = head(files[first], now[first])
	}
}

// head is the time of the line that is next in a file; before is that of the
// line before.
func head(file []item, before int64) int64 {
	if len(file) > 0 && !file[0].tooLong {
		if r, ok := parseRecord(file[0].line); ok {
			if usec, ok := r.time(); ok {
				return usec
			}
		}
	}
	return before
}

// output is what is printed for an event: the event itself if value is nil.
type output struct{ value []byte }

// read says what becomes of all lines in turn.
func (c *catCase) read(items []item) *answer {
	a := &answer{}
	p := newPrinter(c)
	p.header()
	for _, it := range items {
		if it.missing {
			a.code = 1
			continue
		}
		a.Received++
		r, ok := parseRecord(it.line)
		if it.tooLong || !ok {
			a.Rejected++
			if it.cut && !it.tooLong {
				a.code = 1
			}
			continue
		}
		outputs, ended, code := c.judge(r, a)
		if r.repaired {
			a.Repaired++
		}
		if len(outputs) == 0 {
			a.Filtered++
			continue
		}
		a.Kept++
		if r.repaired {
			a.keptRepaired++
		}
		for _, o := range outputs {
			p.print(it.source, r, o)
		}
		if ended || a.Kept == c.count {
			a.ended, a.code = true, max(a.code, code)
			break
		}
	}
	a.stdout = p.out
	return a
}

// judge returns what is printed for an event, whether the run ends with it, and
// with which code.
func (c *catCase) judge(r *record, a *answer) (outputs []output, ended bool, code int) {
	if c.from != 0 || c.to != 0 {
		usec, ok := r.time()
		if !ok || usec < c.from || c.to != 0 && usec >= c.to {
			return nil, false, 0
		}
	}
	if c.keeps(r) {
		outputs = c.query(r, a)
	}
	switch {
	case c.failIf != "" && isTrue(c.failIf, r):
		ended, code = true, 1
	case c.until != "" && isTrue(c.until, r):
		ended = true
	}
	if ended && len(outputs) == 0 {
		outputs = []output{{}}
	}
	return outputs, ended, code
}

// query runs the jq expression of --jq on an event.
func (c *catCase) query(r *record, a *answer) (outputs []output) {
	if c.jq == "" {
		return []output{{}}
	}
	kept := false
	for v := range runJQ(c.jq, r) {
		switch v := v.(type) {
		case error:
			a.Failed++
			return outputs
		case nil:
			continue
		case bool:
			if v && !kept {
				kept = true
				outputs = append(outputs, output{})
			}
			continue
		case map[string]any:
			if reflect.ValueOf(v).Pointer() == reflect.ValueOf(r.value).Pointer() {
				outputs = append(outputs, output{})
				continue
			}
		}
		text, err := gojq.Marshal(v)
		if err != nil {
			panic(err)
		}
		outputs = append(outputs, output{text})
	}
	return outputs
}

func isTrue(expr string, r *record) bool {
	for v := range runJQ(expr, r) {
		return v == true
	}
	return false
}
