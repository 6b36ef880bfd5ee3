package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestIDVectors compares with IDs that another program computed from the definition.
func TestIDVectors(t *testing.T) {
	text, err := os.ReadFile("../../testdata/identity.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	var d Identifier
	rows := 0
	for line := range bytes.Lines(text) {
		var row struct{ What, Event, Hex, ID string }
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		raw := []byte(row.Event)
		if row.Hex != "" {
			if raw, err = hex.DecodeString(row.Hex); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.ID(mustScan(t, string(raw))).String(); got != row.ID {
			t.Errorf("%s: %s, want %s", row.What, got, row.ID)
		}
		rows++
	}
	if rows < 20 {
		t.Errorf("%d rows", rows)
	}
}

// plainID is ID by encoding/json and maps.
func plainID(t fatal, text []byte) ID {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value, ok := fields[name].(string)
		if !ok {
			value = plainJSON(fields[name])
		}
		for _, text := range []string{name, value} {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
		}
	}
	sum := sha256.Sum256(b)
	return ID(sum[:16])
}

// plainJSON writes a value as the definition says.
func plainJSON(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case json.Number:
		return v.String()
	case string:
		var b strings.Builder
		for _, r := range v {
			short := strings.IndexRune("\"\\\b\f\n\r\t", r)
			switch {
			case short >= 0:
				b.WriteString(`\` + string(`"\bfnrt`[short]))
			case r < ' ':
				fmt.Fprintf(&b, `\u%04x`, r)
			default:
				b.WriteRune(r)
			}
		}
		return `"` + b.String() + `"`
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, plainJSON(e))
		}
		return "[" + strings.Join(all, ",") + "]"
	case map[string]any:
		var all []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, plainJSON(name)+":"+plainJSON(v[name]))
		}
		return "{" + strings.Join(all, ",") + "}"
	}
	return fmt.Sprint(value)
}

// fatal is what *testing.T and *rapid.T have in common here.
type fatal interface {
	Fatalf(format string, args ...any)
}

// TestIDPlain compares ID with the plain one, for events that repeat names and hold
// objects and arrays in any order.
func TestIDPlain(t *testing.T) {
	name := rapid.SampledFrom([]string{`"a"`, `"b"`, `"\u0061"`, `"ab"`, `""`, `"😀"`, `"\ufffd"`, `"\""`, `"\u0001"`})
	scalar := rapid.OneOf(name, rapid.SampledFrom([]string{"1", "1.0", "-0", "1e5", "true", "false", "null", `"]"`, `"\\"`, "{}", "[]", `"\ud83d"`, "\"\u007f\u2028\""}))
	space := rapid.SampledFrom([]string{"", "", " ", "\n\t"})
	var d Identifier
	rapid.Check(t, func(t *rapid.T) {
		var object func(depth int) string
		value := func(depth int) string {
			switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
			case depth > 4 || kind < 3:
				return scalar.Draw(t, "scalar")
			case kind == 3:
				var all []string
				for range rapid.IntRange(0, 4).Draw(t, "elements") {
					all = append(all, space.Draw(t, "")+scalar.Draw(t, "element")+space.Draw(t, ""))
				}
				if rapid.Bool().Draw(t, "more") {
					all = append(all, object(depth+1))
				}
				return "[" + strings.Join(all, ",") + space.Draw(t, "") + "]"
			}
			return object(depth + 1)
		}
		object = func(depth int) string {
			var all []string
			for range rapid.IntRange(0, 5).Draw(t, "members") {
				all = append(all, space.Draw(t, "")+name.Draw(t, "name")+space.Draw(t, "")+":"+space.Draw(t, "")+value(depth)+space.Draw(t, ""))
			}
			return "{" + strings.Join(all, ",") + space.Draw(t, "") + "}"
		}
		text := object(0)
		var x Index
		if err := x.Scan([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, want := d.ID(&x), plainID(t, x.JSON()); got != want {
			t.Fatalf("%s: %s, want %s", text, got, want)
		}
	})
}

// TestIDHostile: time and memory stay in proportion to the size of what is deep, wide or in
// the wrong order. The test would not end otherwise.
func TestIDHostile(t *testing.T) {
	var d Identifier
	for _, size := range []struct{ deep, wide int }{{50, 100}, {MaxDepth - 2, 4 << 20}} {
		inner := `"` + strings.Repeat("x", size.wide) + `"`
		for _, text := range []string{
			`{"a":` + strings.Repeat(`{"b":`, size.deep) + inner + strings.Repeat(`,"a":0}`, size.deep) + `}`,
			`{"a":` + strings.Repeat(`[`, size.deep) + inner + strings.Repeat(`,{}]`, size.deep) + `}`,
			`{"a":[` + strings.Repeat(`{},`, size.wide) + `0]}`,
		} {
			x := mustScan(t, text)
			got := d.ID(x)
			if size.deep > 50 {
				continue // the plain one takes very long
			}
			if want := plainID(t, x.JSON()); got != want {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		}
	}
}

func TestIDAllocs(t *testing.T) {
	var d Identifier
	x := mustScan(t, `{"class":"call","\u0065vent":"start","a":"\"x\"","b":{ "z" : [1, 2], "c":{"b":1,"a":2} },"b":2,"c":{"b":"\n","a":2}}`)
	d.ID(x)
	if n := testing.AllocsPerRun(100, func() { d.ID(x) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkID(b *testing.B) {
	var d Identifier
	x := mustScan(b, event256)
	b.SetBytes(int64(len(event256)))
	b.ReportAllocs()
	for b.Loop() {
		d.ID(x)
	}
}

// FuzzID compares with the plain ID.
func FuzzID(f *testing.F) {
	for _, text := range []string{event166, `{"a":{"z":1,"b":[{"y":2,"x":[]}],"z":3}}`, "{\"a\":[\"\xff\x01\",{\"\\ud800\":0}]}"} {
		f.Add([]byte(text))
	}
	var d Identifier
	f.Fuzz(func(t *testing.T, raw []byte) {
		var x Index
		if x.Scan(raw) != nil {
			return
		}
		if !utf8.Valid(x.JSON()) {
			t.Fatal("not UTF-8")
		}
		if got, want := d.ID(&x), plainID(t, x.JSON()); got != want {
			t.Errorf("%q: %s, want %s", raw, got, want)
		}
	})
}
