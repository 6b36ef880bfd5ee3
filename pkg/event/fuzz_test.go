package event

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostile are events that are hard to read right, beside those of testdata.
var hostile = []string{
	"", " ", "{}", "{ }", "[]", "null", `"a"`, "1", "{", "}", "{}{}", "{}x", "\ufeff{}",
	`{"a":1}`, `{"a":01}`, `{"a":-0.0e-0}`, `{"a":1e400}`, `{"a":+1}`, `{"a":.5}`, `{"a":5.}`, `{"a":-}`, `{"a":1e}`,
	`{"a":tru}`, `{"a":nulll}`, `{"a":NaN}`, `{"a":'b'}`, `{"a" "b"}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`,
	`{"class":"call","class":"message"}`, `{"\u0063lass":"call","event":"\u0073tart"}`, `{"cl\u0061ss":1,"class":2}`,
	`{"a":{"class":"x","event":"y"},"b":[{"class":"z"}]}`, `{"a":"\"class\":\"call\""}`,
	`{"a":"\ud83d\ude00\ud83d"}`, `{"\uD83d":"\uDe00\uD83D\u0041\\ud83d\ud83d\ud83d\uDE00"}`, `{"a":["\udbff\udfff\ue000\ud7ff",{"\udc00\"":1}]}`, `{"a":"\ud83d\ude0g"}`, `{"a":"\ud83d\u`, `{"a":"\u00g0"}`, `{"a":"\x"}`, `{"a":"\`, `{"\"":"\\"}`, `{"a":"\u`,
	"{\"a\":\"Zo\xeb\"}", "{\"Zo\xeb\":1,\"Zo\xff\":2}", "{\"a\":\"1\n2\x002\"}", "{\"a\":\"\xed\xa0\x80\xf4\x90\x80\x80\"}",
	"{\"a\":\"\x7f\u0085\u009b31m\u2028\u202e\"}", "{\"a\":\x80}", "{\xc2\xa0}", "{\"a\":1\x00}",
	" {\n\"a\"\r:\t1 , \"b\" : [ ] , \"c\" : { } } \n", "{\"a\":[\n1\n,\n2\n]\n}", `{"a":[1,2}`, `{"a":{"b":1]}`, `{"a":[,]}`,
	`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	`{"a":` + strings.Repeat(`[{"a":`, 70) + "1" + strings.Repeat("}]", 70) + `}`,
	`{"":"","":""}`, `{"a":"` + strings.Repeat("x", 300) + `"}`,
	`{"a":[1,"\"]",{"b":"}]"},[ [] , {"c":[null]} ] , true,-1.5e3,"\u0041" ],"b":[ ],"c":[ 1 ]}`,
	event166, event256, event458,
}

func seed(f *testing.F) {
	for _, text := range hostile {
		f.Add([]byte(text))
	}
	files, err := filepath.Glob("../../testdata/events/*.ndjson")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			f.Add(bytes.TrimSuffix(line, []byte("\n")))
		}
	}
}

// The escapes of half a surrogate pair, and of a whole one.
var (
	loneHalf   = regexp.MustCompile(`^\\u[dD][89a-fA-F][0-9a-fA-F]{2}`)
	bothHalves = regexp.MustCompile(`^\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)
)

// standard repairs raw the simple way and asks encoding/json. Control
// characters are escaped where they stand inside strings, which for text that
// is valid JSON otherwise is between every other unescaped quote.
func standard(raw []byte) (repaired []byte, ok bool) {
	inside := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '"':
			inside = !inside
		case c == '\\' && inside && i+1 < len(raw):
			if half := loneHalf.FindIndex(raw[i:]); half != nil {
				if both := bothHalves.Find(raw[i:]); both != nil {
					repaired = append(repaired, both...)
					i += len(both) - 1
				} else {
					repaired = append(repaired, `\ufffd`...)
					i += half[1] - 1
				}
				continue
			}
			repaired = append(repaired, c)
			i++
			c = raw[i]
		case c < 0x20 && inside:
			escape, _ := json.Marshal(string(rune(c)))
			repaired = append(repaired, escape[1:len(escape)-1]...)
			continue
		}
		repaired = append(repaired, c)
	}
	// Outside of strings broken UTF-8 is invalid before and after.
	var valid []byte
	for len(repaired) > 0 {
		r, n := utf8.DecodeRune(repaired)
		valid = utf8.AppendRune(valid, r)
		repaired = repaired[n:]
	}
	return valid, json.Valid(valid) && bytes.HasPrefix(bytes.TrimLeft(valid, " \t\r\n"), []byte("{"))
}

type member struct {
	name string
	raw  json.RawMessage
}

// members reads the fields of an object by encoding/json.
func members(t *testing.T, object []byte) (all []member) {
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			t.Fatal(err)
		}
		all = append(all, member{name.(string), bytes.Clone(raw)})
	}
	return all
}

func standardKind(raw []byte) Kind {
	switch raw[0] {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}

// checkElements compares the elements of an array with encoding/json's.
func checkElements(t *testing.T, array Value) {
	var want []json.RawMessage
	if array.Kind == Array {
		if err := json.Unmarshal(array.JSON, &want); err != nil {
			t.Fatal(err)
		}
	}
	if len(want) > 50 {
		return // many are slow to reach
	}
	for i, raw := range want {
		e := array.Element(i)
		if again := array.Element(i - len(want)); !bytes.Equal(e.JSON, raw) || !bytes.Equal(again.JSON, raw) || e.Kind != standardKind(raw) {
			t.Errorf("element %d of %s is %s, and %s from the end", i, array.JSON, e.JSON, again.JSON)
		}
		var text string
		if e.Kind == String && (json.Unmarshal(raw, &text) != nil || !e.Is(text)) {
			t.Errorf("element %d of %s is the text %s", i, array.JSON, e.Text())
		}
	}
	if array.Element(len(want)).Kind != Absent || array.Element(-len(want)-1).Kind != Absent {
		t.Errorf("%s has more than %d elements", array.JSON, len(want))
	}
}

// FuzzScan holds Scan equal to encoding/json, before and after repair.
func FuzzScan(f *testing.F) {
	seed(f)
	var x Index
	h := NewHasher()
	f.Fuzz(func(t *testing.T, data []byte) {
		raw := bytes.Clone(data)
		err := x.Scan(raw)
		if !bytes.Equal(raw, data) {
			t.Fatal("Scan changed its input")
		}
		want, ok := standard(raw)
		if (err == nil) != ok {
			t.Fatalf("got %v, encoding/json accepts: %v", err, ok)
		}
		if err != nil {
			if x.Len() != 0 || x.JSON() != nil || x.Class().Kind != Absent || x.Event().Kind != Absent {
				t.Error("not empty after an error")
			}
			e := err.(*Error)
			if e.Offset < 0 || e.Offset > len(raw) || len(e.Reason) > 80 {
				t.Errorf("error %q at %d", e.Reason, e.Offset)
			}
			for _, c := range []byte(err.Error()) {
				if c < 0x20 || c > 0x7e {
					t.Errorf("error %q is not safe to show", err)
				}
			}
			return
		}
		got := x.JSON()
		if x.Repaired() == bytes.Equal(want, raw) {
			t.Errorf("repaired is %v", x.Repaired())
		}
		if !x.Repaired() && (len(got) != len(raw) || &got[0] != &raw[0]) {
			t.Error("not the very bytes")
		}
		if !json.Valid(got) || !utf8.Valid(got) {
			t.Fatalf("%q is not valid", got)
		}
		if x.OneLine() == bytes.ContainsAny(got, "\r\n") {
			t.Errorf("one line is %v", x.OneLine())
		}
		checkMembers(t, &x)

		var compact bytes.Buffer
		if err := json.Compact(&compact, got); err != nil {
			t.Fatal(err)
		}
		if c := AppendCompact(nil, got); !bytes.Equal(c, compact.Bytes()) {
			t.Errorf("compact is %q, want %q", c, compact.Bytes())
		}

		id := h.Identity(&x)
		var again Index
		if err := again.Scan(compact.Bytes()); err != nil || again.Repaired() || h.Identity(&again) != id {
			t.Errorf("the identity of %q differs, or %v", compact.Bytes(), err)
		}
	})
}

func checkMembers(t *testing.T, x *Index) {
	all := members(t, x.JSON())
	if len(all) != x.Len() {
		t.Fatalf("%d fields, want %d", x.Len(), len(all))
	}
	last := make(map[string]int)
	for i, m := range all {
		last[m.name] = i
		key, value := x.Key(i), x.Value(i)
		if !key.Is(m.name) || string(key.Text()) != m.name || !bytes.Equal(value.JSON, m.raw) || value.Kind != standardKind(m.raw) {
			t.Errorf("field %d is %s:%s, want %q:%s", i, key.JSON, value.JSON, m.name, m.raw)
		}
		checkElements(t, value)
		if value.Kind != String {
			continue
		}
		var text string
		if err := json.Unmarshal(m.raw, &text); err != nil || !value.Is(text) || string(value.Text()) != text {
			t.Errorf("text of %s is %q, want %q", m.raw, value.Text(), text)
		}
	}
	for i, m := range all {
		if x.Shadowed(i) != (last[m.name] != i) {
			t.Errorf("field %d, %q: shadowed is %v", i, m.name, x.Shadowed(i))
		}
		if n := x.Find(m.name); n != last[m.name] {
			t.Errorf("found %q as field %d, want %d", m.name, n, last[m.name])
		}
	}
	for name, value := range map[string]Value{"class": x.Class(), "event": x.Event()} {
		if i, ok := last[name]; ok != (value.Kind != Absent) || ok && !bytes.Equal(value.JSON, all[i].raw) {
			t.Errorf("%s is %s", name, value.JSON)
		}
	}
}
