package event

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestValueText(t *testing.T) {
	for _, tt := range []struct{ json, want string }{
		{`""`, ""},
		{`"a"`, "a"},
		{`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{`"\u0041\u00e9\u20AC\uFFFF"`, "Aé€\uffff"},
		{`"\u0000"`, "\x00"},
		{`"\ud83d\ude00"`, "😀"},
		{`"\uD83D\uDE00!"`, "😀!"},
		{`"\ud83d"`, "\ufffd"},
		{`"\ude00"`, "\ufffd"},
		{`"\ud83dx"`, "\ufffdx"},
		{`"\ud83d\n"`, "\ufffd\n"},
		{`"\ud83d\u0041"`, "\ufffdA"},
		{`"\ud83d\ud83d\ude00"`, "\ufffd😀"},
		{`"\ude00\ud83d"`, "\ufffd\ufffd"},
		{`"\\u0041"`, `\u0041`},
		{`1.50`, "1.50"},
		{`null`, "null"},
		{`true`, "true"},
		{`[1, "\n"]`, `[1, "\n"]`},
		{`{"a" : 1}`, `{"a" : 1}`},
	} {
		v := mustScan(t, `{"a":`+tt.json+`}`).Value(0)
		if got := string(v.Text()); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.json, got, tt.want)
		}
		if got := string(v.AppendText([]byte("x"))); got != "x"+tt.want {
			t.Errorf("%s: appended %q", tt.json, got)
		}
		if !v.Is(tt.want) || v.Is(tt.want+" ") || v.Is("other") {
			t.Errorf("%s: Is is wrong", tt.json)
		}
		var s string
		if v.Kind == String {
			if err := json.Unmarshal([]byte(tt.json), &s); err != nil || s != tt.want {
				t.Errorf("%s: encoding/json says %q, %v", tt.json, s, err)
			}
		}
	}
	var absent Value
	if absent.Is("") || len(absent.Text()) != 0 {
		t.Error("absent is not absent")
	}
}

func TestLongEscapedIs(t *testing.T) {
	for n := range 300 {
		v := mustScan(t, `{"a":"`+strings.Repeat(`\u0061`, n)+`\n"}`).Value(0)
		text := strings.Repeat("a", n)
		if !v.Is(text+"\n") || v.Is(text) || v.Is(text+"\r") || v.Is(text+"\n\n") {
			t.Errorf("%d: Is is wrong", n)
		}
	}
}

func TestAppendString(t *testing.T) {
	for text, want := range map[string]string{
		"":                   `""`,
		"a":                  `"a"`,
		`"\/`:                `"\"\\/"`,
		"\n\r\t\b\f\x00\x1b": `"\n\r\t\b\f\u0000\u001b"`,
		"é😀<>&\u2028\x7f":    "\"é😀<>&\u2028\\u007f\"",
		"\xe9\xff":           `"\ufffd\ufffd"`,
		"\xed\xa0\x80":       `"\ufffd\ufffd\ufffd"`,
	} {
		if got := string(AppendString([]byte("x"), []byte(text))); got != "x"+want {
			t.Errorf("%q: got %s", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		quoted := AppendString(nil, text)
		var back string
		if err := json.Unmarshal(quoted, &back); err != nil || !utf8.Valid(quoted) {
			t.Fatalf("%q: %s is not valid: %v", text, quoted, err)
		}
		if want := string(bytes.ToValidUTF8([]byte(back), []byte("?"))); back != want {
			t.Fatalf("%q comes back as %q", text, back)
		}
		if utf8.Valid(text) && back != string(text) {
			t.Fatalf("%q comes back as %q", text, back)
		}
		v := Value{JSON: quoted, Kind: String, Escaped: bytes.IndexByte(quoted, '\\') >= 0}
		if string(v.Text()) != back {
			t.Fatalf("%s: text is %q, want %q", quoted, v.Text(), back)
		}
	})
}

func TestAppendCompact(t *testing.T) {
	for in, want := range map[string]string{
		` { } `: `{}`,
		"{\n\t\"a b\" : [ 1 , 2.50 ] ,\r\n\"\\\" \\\\\" : \" x \" }\n": `{"a b":[1,2.50],"\" \\":" x "}`,
		`{"a":"\u0020"}`: `{"a":"\u0020"}`,
	} {
		if got := string(AppendCompact([]byte("x"), []byte(in))); got != "x"+want {
			t.Errorf("%s: got %s", in, got)
		}
	}
}

func BenchmarkAppendText(b *testing.B) {
	v := mustScan(b, `{"a":"Zoë \"Z\" Example, \u00e9t\u00e9 \ud83d\ude00 and some more"}`).Value(0)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = v.AppendText(buf[:0])
	}
}

func BenchmarkAppendString(b *testing.B) {
	text := []byte("Zoë \"Z\" Example, and some more that is plain")
	var buf []byte
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendString(buf[:0], text)
	}
}

func BenchmarkAppendCompact(b *testing.B) {
	text := []byte(strings.ReplaceAll(event256, `,"`, `, "`))
	var buf []byte
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendCompact(buf[:0], text)
	}
}

func BenchmarkRepair(b *testing.B) {
	raw := []byte(strings.ReplaceAll(event256, "ë", "\xeb"))
	var x Index
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if err := x.Scan(raw); err != nil || !x.Repaired() {
			b.Fatal(err)
		}
	}
}
