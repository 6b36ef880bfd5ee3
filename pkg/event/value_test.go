package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestGet(t *testing.T) {
	x := mustScan(t, `{"a.b":1,"a":{"b":2,"c":{"d":[3,{"e":4}],"d.e":5},"b.c":6,"\u0078":"y\n","c":{"d":{ "e" : 7 } , "f":"}\"]"}},"s":"a","n":{},"l":[{"x":1}]}`)
	for name, want := range map[string]string{
		"a.b": "1", "a.c.d.e": "7", "a.c.d": `{ "e" : 7 }`, "a.b.c": "6", "a.x": `"y\n"`, "a.c.f": `"}\"]"`,
		"a.c.d.f": "", "a.d": "", "s.x": "", "n.x": "", "l.x": "", "nix": "", "nix.x": "", "": "", ".": "", "a.": "", ".a": "", "a.c.": "",
	} {
		if v := x.Get(name); string(v.JSON) != want || (v.Kind == Absent) != (want == "") {
			t.Errorf("%s: got %s, want %s", name, v.JSON, want)
		}
	}
	if v := x.Field("a.c"); v.Kind != Absent {
		t.Errorf("Field reaches into an object: %s", v.JSON)
	}
	if v := (&Index{}).Get("a.b"); v.Kind != Absent {
		t.Errorf("an empty Index has %s", v.JSON)
	}
	name := strings.Repeat("a.c.", 3) + "x"
	if n := testing.AllocsPerRun(100, func() { x.Get(name); x.Get("a.x"); x.Get("a.c.d.e") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestFieldAgainstScan: the members of an object inside an event are those that a
// scan of that object finds.
func TestFieldAgainstScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]string{"a", "b", "é", "\n", `"`, "a.b", ""})
		var value func(depth int) *rapid.Generator[any]
		value = func(depth int) *rapid.Generator[any] {
			leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Just[any](true), rapid.Just[any](-1.5e3), rapid.StringMatching(`[][{},:"\\ éa]{0,9}`).AsAny())
			if depth == 0 {
				return leaf
			}
			return rapid.OneOf(leaf, rapid.SliceOfN(value(depth-1), 0, 3).AsAny(), rapid.MapOfN(names, value(depth-1), 0, 4).AsAny())
		}
		inner, err := json.Marshal(rapid.MapOfN(names, value(2), 0, 5).Draw(t, "object"))
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "spaces") {
			inner = []byte(strings.NewReplacer(`":`, "\" :\t", `,"`, " , \"", "{", "{ ").Replace(string(inner)))
		}
		x, nested := &Index{}, &Index{}
		if x.Scan(fmt.Appendf(nil, `{"o":%s}`, inner)) != nil || nested.Scan(inner) != nil {
			t.Skip("a space was put into a string")
		}
		for _, name := range []string{"a", "b", "é", "\n", `"`, "a.b", "", "nix"} {
			got, want := x.Field("o").Field(name), nested.Field(name)
			if got.Kind != want.Kind || got.Escaped != want.Escaped || !slices.Equal(got.JSON, want.JSON) {
				t.Fatalf("%s in %s: got %+v, want %+v", name, inner, got, want)
			}
		}
	})
}

func TestNumbersOfValues(t *testing.T) {
	x := mustScan(t, `{"n":1.50,"s":"1.5","e":"\u0031.5","t":true,"x":"1.5x","a":[1.5]}`)
	want, _ := ParseDecimal([]byte("1.5"))
	for name, is := range map[string]bool{"n": true, "s": true, "e": true, "t": false, "x": false, "a": false, "nix": false} {
		if d, ok := x.Get(name).Decimal(); ok != is || is && d.Compare(want) != 0 {
			t.Errorf("%s: %v, %v", name, d, ok)
		}
		if usec, ok := x.Get(name).Timestamp(); ok != is || is && usec != 1_500_000 {
			t.Errorf("%s: %d, %v", name, usec, ok)
		}
	}
	for name, want := range map[string]float64{"n": 0, "s": 0, "e": 0} {
		if n := testing.AllocsPerRun(100, func() { x.Get(name).Timestamp() }); n != want {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkGetNested(b *testing.B) {
	x := mustScan(b, `{"class":"call","caller":{"number":"+442079460000","account":{"id":17,"codecs":["a","b"]},"name":"Ann \"A\" Lee"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if x.Get("caller.account.id").Kind != Number {
			b.Fatal("not found")
		}
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	for json, want := range map[string]string{
		`{}`: "", ` []`: "", `7`: "", `"{"`: "", `null`: "",
		`{"a":1,"b\u0020":[2,3] , "a":{"c":"}"}}`: `a=1 b =[2,3] a={"c":"}"} `,
		`[1, "x" ,[],{"a":2}]`:                    `=1 =x =[] ={"a":2} `,
	} {
		json = strings.TrimSpace(json)
		var x Index
		if err := x.Scan([]byte(`{"v":` + json + `}`)); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for at := 0; ; {
			var key, member Value
			if key, member, at = x.Value(0).Next(at); member.Kind == Absent {
				break
			}
			fmt.Fprintf(&got, "%s=%s ", key.Text(), member.Text())
		}
		if got.String() != want {
			t.Errorf("%s: got %q, want %q", json, got.String(), want)
		}
	}
}

func TestKindString(t *testing.T) {
	for k := Absent; k <= Object+1; k++ {
		if got, want := k.String(), []string{"", "null", "boolean", "number", "string", "array", "object", "kind 7"}[k]; got != want {
			t.Errorf("%d: %q, want %q", uint8(k), got, want)
		}
	}
}
