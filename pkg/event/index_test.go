package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// shown is an event as the tests write it down: kind and text of each field.
func shown(x *Index) []string {
	var s []string
	for i := range x.Len() {
		s = append(s, fmt.Sprintf("%s=%d:%s", x.Key(i).Text(), x.Value(i).Kind, x.Value(i).Text()))
	}
	return s
}

func TestScan(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"no field", `{}`, nil},
		{"spaces only", " {\t\r\n} ", nil},
		{
			"every kind", `{"a":null,"b":true,"c":false,"d":1,"e":"s","f":[1,"]"],"g":{"h":"}"}}`,
			[]string{"a=1:null", "b=2:true", "c=2:false", "d=3:1", "e=4:s", `f=5:[1,"]"]`, `g=6:{"h":"}"}`},
		},
		{"empty ones", `{"":"","a":[],"b":{}}`, []string{"=4:", "a=5:[]", "b=6:{}"}},
		{"white space", " {\n\"a\"\t:\r1 , \"b\" : [ 1 , { } ] } \n", []string{"a=3:1", "b=5:[ 1 , { } ]"}},
		{
			"numbers", `{"a":0,"b":-0,"c":10,"d":-1.50,"e":1e400,"f":1E+2,"g":0.1e-9,"h":123456789012345678901234567890}`,
			[]string{"a=3:0", "b=3:-0", "c=3:10", "d=3:-1.50", "e=3:1e400", "f=3:1E+2", "g=3:0.1e-9", "h=3:123456789012345678901234567890"},
		},
		{"escaped key", `{"\u0063lass":1,"a\"b":2,"\\":3}`, []string{"class=3:1", `a"b=3:2`, `\=3:3`}},
		{"quotes and braces in strings", `{"a":"}\",\"b\":1,{","c":"\\"}`, []string{`a=4:}","b":1,{`, `c=4:\`}},
		{"utf-8", `{"ä":"ë","日本":"本","😀":"a😀b"}`, []string{"ä=4:ë", "日本=4:本", "😀=4:a😀b"}},
		{"DEL is no control character of JSON", "{\"a\":\"\x7f\"}", []string{"a=4:\x7f"}},
		{
			"nested same names", `{"a":{"class":"x","event":[{"class":"y"}]},"class":"call"}`,
			[]string{`a=6:{"class":"x","event":[{"class":"y"}]}`, "class=4:call"},
		},
		{"repeated", `{"a":1,"b":2,"a":3}`, []string{"a=3:1", "b=3:2", "a=3:3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := mustScan(t, tt.in)
			if got := shown(x); !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			if string(x.JSON()) != tt.in || x.Repaired() {
				t.Errorf("JSON is %q, repaired %v", x.JSON(), x.Repaired())
			}
		})
	}
}

// TestScanLengths moves what ends a string through every place of the eight
// bytes that are looked at together, at the end of the text too.
func TestScanLengths(t *testing.T) {
	for n := range 40 {
		for _, c := range []string{"", `\"`, `\\`, `\u00e9`, "é", "日", "😀", "\x7f", "!", "#", "[", "]", " "} {
			text := strings.Repeat("x", n) + c
			x := mustScan(t, `{"`+text+`":"`+text+`"}`)
			if key, value := x.Key(0), x.Value(0); string(key.JSON) != `"`+text+`"` || string(value.JSON) != `"`+text+`"` ||
				value.Escaped != strings.HasPrefix(c, `\`) || key.Escaped != value.Escaped {
				t.Errorf("%s: got %s, %s, escaped %v", text, key.JSON, value.JSON, value.Escaped)
			}
		}
		for _, c := range []string{"\x00", "\n", "\x1f", "\x80", "\xff", "\xc3", "\xe9x", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xc0\xaf"} {
			text := strings.Repeat("x", n) + c
			if x := mustScan(t, `{"a":"`+text+`"}`); !x.Repaired() {
				t.Errorf("%q: not repaired", text)
			}
		}
	}
}

func TestRepair(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"{\"a\":\"Zo\xeb\"}", `{"a":"Zo` + "\ufffd" + `"}`},
		{"{\"\xeb\":1}", "{\"\ufffd\":1}"},
		{"{\"a\":\"\xff\xfe\xe2\x82\"}", "{\"a\":\"\ufffd\ufffd\ufffd\ufffd\"}"},
		{"{\"a\":\"1\n2\r3\t4\x005\x1b\"}", `{"a":"1\n2\r3\t4\u00005\u001b"}`},
		{"{ \"a\" :\n\"\n\\\"\\u000a\" }\n", "{ \"a\" :\n\"\\n\\\"\\u000a\" }\n"},
		{"{\"a\":[{\"\x01\":\"\xe9\"}]}", "{\"a\":[{\"\\u0001\":\"\ufffd\"}]}"},
	} {
		x := mustScan(t, tt.in)
		if string(x.JSON()) != tt.want || !x.Repaired() || !utf8.Valid(x.JSON()) {
			t.Errorf("%q is repaired (%v) to %q, want %q", tt.in, x.Repaired(), x.JSON(), tt.want)
		}
		if err := x.Scan([]byte(`{"a":1}`)); err != nil || x.Repaired() || string(x.JSON()) != `{"a":1}` {
			t.Errorf("after it: %v, repaired %v, %s", err, x.Repaired(), x.JSON())
		}
	}
}

func TestLookUp(t *testing.T) {
	x := mustScan(t, `{"a":1,"class":"call","event":"start","a":"2","n":null,"b":{"c":3},"class":"message","\u0065vent":"sent"}`)
	for _, tt := range []struct {
		name  string
		value Value
		want  string
	}{
		{"Class", x.Class(), "message"},
		{"Event", x.Event(), "sent"},
		{"a", x.Get("a"), "2"},
		{"n", x.Get("n"), "null"},
		{"event", x.Get("event"), "sent"},
		{"b", x.Get("b"), `{"c":3}`},
	} {
		if !tt.value.Is(tt.want) || tt.value.Is(tt.want+"x") || tt.value.Is("") {
			t.Errorf("%s: got %s", tt.name, tt.value.JSON)
		}
	}
	for _, name := range []string{"", "c", "A", "Class", "clas", "classs"} {
		if v := x.Get(name); v.Kind != Absent || v.JSON != nil || v.Is("") || x.Find(name) != -1 {
			t.Errorf("%q is there: %s", name, v.JSON)
		}
	}
	var shadowed []int
	for i := range x.Len() {
		if x.Shadowed(i) {
			shadowed = append(shadowed, i)
		}
	}
	if !slices.Equal(shadowed, []int{0, 1, 2}) {
		t.Errorf("shadowed are %v", shadowed)
	}
}

func TestZeroIndex(t *testing.T) {
	failed := mustScan(t, `{"class":"a","event":"b"}`)
	if failed.Scan([]byte(`{"class":"a","event":"b"`)) == nil {
		t.Fatal("accepted")
	}
	for name, x := range map[string]*Index{"new": {}, "failed": failed} {
		if x.Len() != 0 || x.Class().Kind != Absent || x.Event().Kind != Absent || x.Find("class") != -1 || x.JSON() != nil {
			t.Errorf("%s: not empty", name)
		}
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]bool{
		`{"a":1}`:              true,
		"{ \"a\" :\t1 } ":      true,
		`{"a":"\n\r"}`:         true,
		"{\"a\":\"\n\"}":       true, // repaired
		"{\"a\":1}\n":          false,
		"\r{\"a\":1}":          false,
		"{\n\"a\":1}":          false,
		"{\"a\"\n:1}":          false,
		"{\"a\":\n1}":          false,
		"{\"a\":1\n}":          false,
		"{\"a\":1,\r\"b\":2}":  false,
		"{\"a\":[\n]}":         false,
		"{\"a\":[1\n,2]}":      false,
		"{\"a\":{\n\"b\":2}}":  false,
		"{\"a\":{\"b\":2\n}}":  false,
		"{\"a\":{\"b\"\n:2}}":  false,
		"{\"a\":{\"b\":\n2 }}": false,
	} {
		x := mustScan(t, in)
		if x.OneLine() != want || strings.ContainsAny(string(x.JSON()), "\r\n") == want {
			t.Errorf("%q: one line %v", in, x.OneLine())
		}
	}
}

func TestScanErrors(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", "empty at byte 0"},
		{" \n", "empty at byte 2"},
		{"[1]", "an array, not an object at byte 0"},
		{` "a"`, "a string, not an object at byte 1"},
		{"-1.5", "a number, not an object at byte 0"},
		{"true", "a boolean, not an object at byte 0"},
		{"null", "null, not an object at byte 0"},
		{"nil", "not JSON at byte 0"},
		{"<html>", "not JSON at byte 0"},
		{"a=1&b=2", "not JSON at byte 0"},
		{"\x00", "not JSON at byte 0"},
		{"\ufeff{}", "a byte order mark, not an object at byte 0"},
		{"\xff\xfe{\x00}\x00", "not JSON at byte 0"},
		{"{", "cut short at byte 1"},
		{`{"a`, "unterminated string at byte 1"},
		{`{"a"`, "cut short at byte 4"},
		{`{"a":`, "cut short at byte 5"},
		{`{"a":1`, "cut short at byte 6"},
		{`{"a":1,`, "cut short at byte 7"},
		{`{"a":"b\`, "unterminated string at byte 5"},
		{`{"a":[1,{"b":`, "cut short at byte 13"},
		{`{"a":tru`, "cut short at byte 8"},
		{`{"a":[n`, "cut short at byte 7"},
		{`{a:1}`, `"a" where a field name should be at byte 1`},
		{`{"a":1,}`, `"}" where a field name should be at byte 7`},
		{`{,"a":1}`, `"," where a field name should be at byte 1`},
		{`{"a" 1}`, `"1" where a colon should be at byte 5`},
		{`{"a":}`, `"}" where a value should be at byte 5`},
		{`{"a":True}`, `"T" where a value should be at byte 5`},
		{`{"a":nul}`, `"n" where a value should be at byte 5`},
		{`{"a":+1}`, `"+" where a value should be at byte 5`},
		{`{"a":.1}`, `"." where a value should be at byte 5`},
		{`{"a":'b'}`, `"'" where a value should be at byte 5`},
		{`{"a":01}`, `"1" where a comma or } should be at byte 6`},
		{`{"a":1 "b":2}`, `"\"" where a comma or } should be at byte 7`},
		{`{"a":-}`, "bad number at byte 5"},
		{`{"a":1.}`, "bad number at byte 5"},
		{`{"a":1e}`, "bad number at byte 5"},
		{`{"a":1e+}`, "bad number at byte 5"},
		{`{"a":--1}`, "bad number at byte 5"},
		{`{"a":0x1}`, `"x" where a comma or } should be at byte 6`},
		{`{"a":1]`, `"]" where a comma or } should be at byte 6`},
		{`{"a":[1}`, `"}" where a comma or ] should be at byte 7`},
		{`{"a":[1,]}`, `"]" where a value should be at byte 8`},
		{`{"a":{"b":1]}`, `"]" where a comma or } should be at byte 11`},
		{`{"a":{"b"}}`, `"}" where a colon should be at byte 9`},
		{`{"a":{1:2}}`, `"1" where a field name should be at byte 6`},
		{`{"a":"\x"}`, "bad escape at byte 6"},
		{`{"a":"\u12g4"}`, `bad \u escape at byte 6`},
		{`{"a":"\u12"}`, `bad \u escape at byte 6`},
		{`{} {}`, `"{" where the end should be at byte 3`},
		{"{}\x00", `"\x00" where the end should be at byte 2`},
		{"{\x1b[31m", `"\x1b" where a field name should be at byte 1`},
		{"{\x7f", `"\x7f" where a field name should be at byte 1`},
		{"{\n\v", `"\v" where a field name should be at byte 2`},
		{"{\"a\":\xe9}", "byte 0xe9 where a value should be at byte 5"},
		{"{\"a\":\u009b31m}", "byte 0xc2 where a value should be at byte 5"},
		{"{\u00a0\"a\":1}", "byte 0xc2 where a field name should be at byte 1"},
	} {
		var x Index
		err := x.Scan([]byte(tt.in))
		if fmt.Sprint(err) != tt.want {
			t.Errorf("%q: got %v, want %s", tt.in, err, tt.want)
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Offset > len(tt.in) {
			t.Errorf("%q: %v of type %T", tt.in, err, err)
		}
	}
}

func TestScanTruncated(t *testing.T) {
	const whole = `{ "a" : "x\u00e9\"é" , "b":[1, -2.5e+3, {"c":null,"d":[[]]}], "e":true,"f":false , "g":0.5}`
	var x Index
	for n := range len(whole) {
		err := x.Scan([]byte(whole[:n]))
		if err == nil {
			t.Errorf("%s: accepted", whole[:n])
		} else if e, ok := errors.AsType[*Error](err); !ok || e.Offset > n || strings.Contains(e.Reason, "where") {
			t.Errorf("%s: %v", whole[:n], err)
		}
	}
	if err := x.Scan([]byte(whole)); err != nil {
		t.Error(err)
	}
}

func TestDepth(t *testing.T) {
	for _, tt := range []struct {
		name, open, close string
		most              int // how many of them are allowed inside an event
	}{
		{"arrays", "[", "]", MaxDepth - 1},
		{"objects", `{"a":`, "}", MaxDepth - 1},
		{"both", `[{"a":`, "}]", (MaxDepth - 1) / 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var x Index
			for n, ok := range map[int]bool{1: true, 63: true, 64: true, 65: true, tt.most: true, tt.most + 1: false} {
				text := `{"a":` + strings.Repeat(tt.open, n) + "1" + strings.Repeat(tt.close, n) + "}"
				if err := x.Scan([]byte(text)); (err == nil) != ok {
					t.Errorf("%d deep: %v", n, err)
				} else if err != nil && !strings.HasPrefix(err.Error(), "nested more than 10,000 deep") {
					t.Error(err)
				}
			}
		})
	}
}

func TestScanAllocs(t *testing.T) {
	for _, text := range []string{
		event166, event458, `{}`,
		`{"\u0063lass":"call","a":[{"b":[1,2,{"c":"d"}]}]}`,
		"{\"class\":\"call\",\"name\":\"Zo\xeb\n\"}",
	} {
		var x Index
		raw := []byte(text)
		scan := func() {
			if err := x.Scan(raw); err != nil {
				t.Fatal(err)
			}
			if x.Class().Is("message") || x.Get("machine").Is("7") || x.Len() > 0 && x.Shadowed(0) {
				t.Fatal("wrong")
			}
		}
		scan()
		if n := testing.AllocsPerRun(100, scan); n > 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}
