package event

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustScan(t testing.TB, text string) *Index {
	t.Helper()
	var x Index
	if err := x.Scan([]byte(text)); err != nil {
		t.Fatalf("%.100q: %v", text, err)
	}
	return &x
}

func TestIdentity(t *testing.T) {
	h := NewHasher()
	clone := h.Clone()
	// Events of one row are the same, those of different rows are not.
	rows := [][]string{
		{`{}`, ` { } `},
		{
			`{"a":"1","b":2}`, `{"b":"2","a":1}`, "{ \"a\" :\n1 , \"b\":2}", `{"\u0061":"\u0031","b":2}`,
			`{"a":0,"b":1,"b":2,"a":1}`, `{"a":0,"\u0061":1,"b":2}`, `{"\u0061":0,"a":1,"b":2}`,
		},
		{`{"a":"1"}`},
		{`{"a":"1","b":"2","c":""}`},
		{`{"a":"2","b":"1"}`},
		{`{"a":"1","b":"2.0"}`},
		{`{"ab":"c"}`},
		{`{"a":"bc"}`},
		{`{"a":true}`, `{"a":"true"}`},
		{`{"a":null}`, `{"a":"null"}`},
		{`{"a":""}`},
		{`{"":"a"}`},
		{`{"a":{"b":[1,2]}}`, `{"a": { "b" : [ 1 , 2 ] } }`, `{"a":"{\"b\":[1,2]}"}`},
		{`{"a":{"b":[2,1]}}`},
		{"{\"a\":\"\xe9\"}", `{"a":"\ufffd"}`},
		{"{\"a\":\"\n\"}", `{"a":"\n"}`},
	}
	known := make(map[Identity]int)
	for i, row := range rows {
		for _, text := range row {
			id := h.Identity(mustScan(t, text))
			if other, ok := known[id]; ok && other != i {
				t.Errorf("%s is the same as row %d", text, other)
			}
			if known[id] = i; id != clone.Identity(mustScan(t, row[0])) {
				t.Errorf("%s differs from %s", text, row[0])
			}
		}
	}
	x, other := mustScan(t, event166), NewHasher()
	if h.Identity(x) == other.Identity(x) {
		t.Error("two Hashers have the same seeds")
	}
}

// TestIdentityModel compares events as maps of texts do.
func TestIdentityModel(t *testing.T) {
	h := NewHasher()
	rapid.Check(t, func(t *rapid.T) {
		draw := func() (string, map[string]string) {
			var b strings.Builder
			fields := make(map[string]string)
			for i := range rapid.IntRange(0, 4).Draw(t, "fields") {
				if i > 0 {
					b.WriteByte(',')
				}
				key := rapid.SampledFrom([]string{"a", "b", "ab", ""}).Draw(t, "key")
				value := rapid.SampledFrom([]string{"1", "true", "0", "x"}).Draw(t, "value")
				fields[key] = value
				quoted := string(AppendString(nil, []byte(value)))
				if value != "x" && rapid.Bool().Draw(t, "bare") {
					quoted = value
				}
				fmt.Fprintf(&b, "%q:%s", key, quoted)
			}
			return "{" + b.String() + "}", fields
		}
		text1, fields1 := draw()
		text2, fields2 := draw()
		var x1, x2 Index
		if err := x1.Scan([]byte(text1)); err != nil {
			t.Fatal(err)
		}
		if err := x2.Scan([]byte(text2)); err != nil {
			t.Fatal(err)
		}
		same := fmt.Sprint(fields1) == fmt.Sprint(fields2) // sorted by key
		if (h.Identity(&x1) == h.Identity(&x2)) != same {
			t.Fatalf("%s and %s: want same %v", text1, text2, same)
		}
	})
}

func TestIdentitySpread(t *testing.T) {
	h := NewHasher()
	known := make(map[uint32]bool)
	collisions := 0
	for i := range 1 << 12 {
		id := h.Identity(mustScan(t, fmt.Sprintf(`{"timestamp":"1234567890.%06d","machine":1}`, i)))
		low := uint32(id[0]) | uint32(id[1])<<8 | uint32(id[2])<<16 | uint32(id[3])<<24
		if known[low] {
			collisions++
		}
		known[low] = true
	}
	if collisions > 3 { // 0.002 are to be expected
		t.Errorf("%d of 4096 identities share their first four bytes", collisions)
	}
}

func TestIdentityAllocs(t *testing.T) {
	h := NewHasher()
	x := mustScan(t, `{"class":"call","\u0065vent":"start","a":"\"x\"","b":{ "c" : [1, 2] },"b":2}`)
	h.Identity(x)
	if n := testing.AllocsPerRun(100, func() { h.Identity(x) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestManyFields holds events of very many fields, with names that repeat, to
// a time that does not grow with their square: what is compared is exact, and
// the test would not end otherwise.
func TestManyFields(t *testing.T) {
	const n = 300_000
	var b strings.Builder
	last := make(map[string]int)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		key := fmt.Sprintf("%06d", random.IntN(n))
		last[key] = i
		if i%3 == 0 {
			key = `\u003` + key[:1] + key[1:]
		}
		fmt.Fprintf(&b, `,"%s":%d`, key, i)
	}
	x := mustScan(t, "{"+b.String()[1:]+"}")
	counted := 0
	for i := range x.Len() {
		if !x.Shadowed(i) {
			counted++
			if key := string(x.Key(i).Text()); last[key] != i {
				t.Fatalf("field %d, %s, counts instead of %d", i, key, last[key])
			}
		}
	}
	if counted != len(last) {
		t.Errorf("%d fields count, want %d", counted, len(last))
	}
	fields := make([]string, 0, len(last))
	for key, i := range last {
		fields = append(fields, fmt.Sprintf(`"%s":"%d"`, key, i))
	}
	slices.Sort(fields)
	text := "{" + strings.Join(fields, ",") + "}"
	if !json.Valid([]byte(text)) {
		t.Fatal("the test is wrong")
	}
	h := NewHasher()
	if h.Identity(x) != h.Identity(mustScan(t, text)) {
		t.Error("not the same without the fields that do not count")
	}
}

func BenchmarkIdentity(b *testing.B) {
	h := NewHasher()
	for _, text := range []string{event166, event256, event458} {
		b.Run(fmt.Sprint(len(text)), func(b *testing.B) {
			x := mustScan(b, text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				h.Identity(x)
			}
		})
	}
}
