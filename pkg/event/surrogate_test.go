package event

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestHalfSurrogates: readers stop at the escape of half a surrogate pair, so
// JSON holds none, wherever it stands.
func TestHalfSurrogates(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{`{"a":"Zo\ud83d"}`, `{"a":"Zo\ufffd"}`},
		{`{"a":"\uDE00x"}`, `{"a":"\ufffdx"}`},
		{`{"a":"\uD83D\n"}`, `{"a":"\ufffd\n"}`},
		{`{"a":"\uD83D\u0041"}`, `{"a":"\ufffd\u0041"}`},
		{`{"a":"\ud83d\ud83d\ude00"}`, `{"a":"\ufffd\ud83d\ude00"}`},
		{`{"a":"\ude00\ud83d"}`, `{"a":"\ufffd\ufffd"}`},
		{`{"a":"\ud83d \ude00"}`, `{"a":"\ufffd \ufffd"}`},
		{`{"\udBFF":1}`, `{"\ufffd":1}`},
		{`{"cl\ud800ass":1,"b":{"\udfff":["\ud800",{"x":"\udbff\\"}]}}`, `{"cl\ufffdass":1,"b":{"\ufffd":["\ufffd",{"x":"\ufffd\\"}]}}`},
		{"{\"a\":\"\xeb\\ud83d\x01\"}", "{\"a\":\"\ufffd\\ufffd\\u0001\"}"},
		{`{"a":"\ud83d\ude00"}`, ""},
		{`{"a":"\uDBFF\uDFFF\ud7ff\ue000"}`, ""},
		{`{"a":"\\ud83d"}`, ""},
		{`{"a":"\\\\ud83d"}`, ""},
	} {
		x := mustScan(t, tt.raw)
		want := tt.want
		if want == "" {
			want = tt.raw
		}
		if got := string(x.JSON()); got != want || x.Repaired() != (tt.want != "") {
			t.Errorf("%s becomes %s, repaired %v; want %s", tt.raw, got, x.Repaired(), want)
		}
	}
}

// escapes are pieces of strings: halves of pairs among others.
var escapes = rapid.SliceOfN(rapid.SampledFrom([]string{
	`\ud83d`, `\uDE00`, `\uD800`, `\udfff`, `\uDBFF`, `\udc00`, `\u0041`, `\uFFFD`, `\ud7ff`, `\ue000`, `\\`, `\"`, `\n`, `u`, `d83d`, "😀", "\xeb", "\x01",
}), 0, 8)

// TestEscapesAsOthersReadThem reads what Scan made of any escapes with
// encoding/json, and with jq where there is one.
func TestEscapesAsOthersReadThem(t *testing.T) {
	var all []byte
	var x Index
	rapid.Check(t, func(t *rapid.T) {
		part := func(name string) (s string) {
			for _, e := range escapes.Draw(t, name) {
				s += e
			}
			return s
		}
		raw := []byte(`{"` + part("key") + `":"` + part("value") + `","in":[{"` + part("inner key") + `":"` + part("inner") + `"}]}`)
		if err := x.Scan(raw); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		want, _ := standard(raw)
		if !bytes.Equal(x.JSON(), want) || !utf8.Valid(want) {
			t.Fatalf("%s becomes %s, want %s", raw, x.JSON(), want)
		}
		if !json.Valid(x.JSON()) {
			t.Fatalf("encoding/json does not read %s", x.JSON())
		}
		all = append(append(all, x.JSON()...), '\n')
	})
	jq, err := exec.LookPath("jq")
	if err != nil {
		t.Skip("jq is not installed")
	}
	cmd := exec.Command(jq, "-c", "1")
	cmd.Stdin = bytes.NewReader(all)
	out, err := cmd.Output()
	if lines := bytes.Count(all, []byte("\n")); err != nil || bytes.Count(out, []byte("\n")) != lines {
		t.Errorf("jq reads %d of %d events: %v", bytes.Count(out, []byte("\n")), lines, err)
	}
}

// TestHalvesAreOneIdentity: an event is the same before and after repair.
func TestHalvesAreOneIdentity(t *testing.T) {
	h := NewHasher()
	x, y := mustScan(t, `{"a":"\ud83d","b":["\uDE00"]}`), mustScan(t, `{"a":"\ufffd","b":["\ufffd"]}`)
	if h.Identity(x) != h.Identity(y) {
		t.Error("repaired, it is another event")
	}
}
