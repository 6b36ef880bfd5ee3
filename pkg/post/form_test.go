package post

import (
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// sample is the only published example, as a form.
const sample = "asteriskid=1234567890.1&callid=1234567890.100000&class=call&event=start&machine=1" +
	"&timestamp=1234567890.123456&uniqueid=1234567890.100000"

func TestAppendJSON(t *testing.T) {
	noClass, repeated := Note{NoClass: true}, Note{Repeated: true}
	for _, c := range []struct {
		form, json string
		note       Note
		reason     string
	}{
		{form: sample, json: `{"asteriskid":"1234567890.1","callid":"1234567890.100000","class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000"}`},
		{form: "class=a", json: `{"class":"a"}`},
		{form: "z=1&class=b&a=2", json: `{"z":"1","class":"b","a":"2"}`},
		{form: "class=a+b%20c%2B", json: `{"class":"a b c+"}`},
		{form: "class", json: `{"class":""}`},
		{form: "class=", json: `{"class":""}`},
		{form: "a=1", json: `{"a":"1"}`, note: noClass},
		{form: "=x&class=a", json: `{"":"x","class":"a"}`},
		{form: "=", json: `{"":""}`, note: noClass},
		{form: "&&class=a&&b=&", json: `{"class":"a","b":""}`},
		{form: "class=a=b==", json: `{"class":"a=b=="}`},
		{form: "class=a&x=1&x=2&y=3&x=4", json: `{"class":"a","x":"1","y":"3"}`, note: repeated},
		{form: "class=a&class=b", json: `{"class":"a"}`, note: repeated},
		{form: "c%6Cass=a", json: `{"class":"a"}`},
		{form: "class=a&%63lass=b", json: `{"class":"a"}`, note: repeated},
		{form: "class=%22q%22%5C%0A%0D%09%00%1f%7f", json: `{"class":"\"q\"\\\n\r\t\u0000\u001f` + "\x7f\"}"},
		{form: "class=a&a%22b%3Dc=1", json: `{"class":"a","a\"b=c":"1"}`},
		{form: "class=\n\"\\", json: `{"class":"\n\"\\"}`},
		{form: "class=%C3%A9\u00e9", json: `{"class":"éé"}`},
		{form: "class=%E9", json: "{\"class\":\"\xe9\"}"},
		{form: "class=a&machine=12", json: `{"class":"a","machine":12}`},
		{form: "class=a&machine=-1.5e3", json: `{"class":"a","machine":-1.5e3}`},
		{form: "class=a&machine=007", json: `{"class":"a","machine":"007"}`},
		{form: "class=a&machine=+1", json: `{"class":"a","machine":" 1"}`},
		{form: "class=a&machine=", json: `{"class":"a","machine":""}`},
		{form: "class=a&machine=1;2", json: `{"class":"a","machine":"1;2"}`},
		{form: "class=a&machine=1x", json: `{"class":"a","machine":"1x"}`},
		{form: "class=a&Machine=1", json: `{"class":"a","Machine":"1"}`},
		{form: "class=%", json: `{"class":"%"}`},
		{form: "class=%4", json: `{"class":"%4"}`},
		{form: "class=%4g&x=%%41%4%41", json: `{"class":"%4g","x":"%A%4A"}`},
		{form: "cl%zzass=", json: `{"cl%zzass":""}`, note: noClass},
		{form: "a;b=1;c=2", json: `{"a;b":"1;c=2"}`, note: noClass},
		{form: "class=a&to=sip:200@example.com;user=phone&x=50%", json: `{"class":"a","to":"sip:200@example.com;user=phone","x":"50%"}`},
		{form: "", reason: "no fields at byte 0"},
		{form: "&&", reason: "no fields at byte 2"},
	} {
		t.Run(c.form, func(t *testing.T) {
			got, note, err := AppendJSON([]byte("before "), []byte(c.form), nil)
			if c.reason != "" {
				if fault, ok := errors.AsType[*event.Error](err); !ok || fault.Error() != c.reason {
					t.Errorf("error %v, want %s", err, c.reason)
				}
				if string(got) != "before " {
					t.Errorf("dst became %q", got)
				}
				return
			}
			if err != nil || string(got) != "before "+c.json || note != c.note {
				t.Errorf("got %s, %v, %v", got, note, err)
			}
		})
	}
}

func TestAppendJSONNumbers(t *testing.T) {
	number := func(name []byte) bool { return string(name) == `a"b` || string(name) == "n" }
	got, _, err := AppendJSON(nil, []byte("class=1&machine=2&n=3&a%22b=4&n%22=5"), number)
	if want := `{"class":"1","machine":"2","n":3,"a\"b":4,"n\"":"5"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAppendJSONManyFields(t *testing.T) {
	form := func(n int) []byte {
		var b []byte
		for i := range n {
			b = append(b, "&f"+strconv.Itoa(i)+"=v"...)
		}
		return b
	}
	got, _, err := AppendJSON(nil, form(MaxFields), nil)
	var x event.Index
	if err != nil || x.Scan(got) != nil || x.Len() != MaxFields {
		t.Errorf("%d fields of %d, %v", x.Len(), MaxFields, err)
	}
	for _, body := range [][]byte{form(10000), []byte(strings.Repeat("a=1&", MaxFields+1))} {
		if _, _, err := AppendJSON(nil, body, nil); err == nil || !strings.HasPrefix(err.Error(), "too many fields") {
			t.Errorf("error %v", err)
		}
	}
}

func TestAppendJSONAllocations(t *testing.T) {
	form, dst := []byte(sample), make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { dst, _, _ = AppendJSON(dst[:0], form, nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestAppendJSONRoundTrip sends fields of any bytes through an escaped form.
func TestAppendJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.String(), 1, 40, rapid.ID).Draw(t, "names")
		var form []byte
		var values []string
		for i, name := range names {
			value := rapid.String().Draw(t, "value")
			values = append(values, value)
			if i > 0 {
				form = append(form, '&')
			}
			form = append(form, url.QueryEscape(name)+"="+url.QueryEscape(value)...)
		}
		got, _, err := AppendJSON(nil, form, nil)
		if err != nil {
			t.Fatal(err)
		}
		var x event.Index
		if err := x.Scan(got); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		if x.Len() != len(names) || x.Repaired() {
			t.Fatalf("%d fields of %d, repaired %v", x.Len(), len(names), x.Repaired())
		}
		for i, name := range names {
			if !x.Key(i).Is(name) || !x.Value(i).Is(values[i]) {
				t.Fatalf("field %d of %s is not %q=%q", i, got, name, values[i])
			}
		}
	})
}

// plainForm reads a form slowly and plainly: the names in order, and of each the
// first value.
func plainForm(form string) (order []string, values map[string]string, repeated bool) {
	values = map[string]string{}
	for pair := range strings.SplitSeq(form, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = plainText(name), plainText(value)
		if _, known := values[name]; known {
			repeated = true
			continue
		}
		order, values[name] = append(order, name), value
	}
	return order, values, repeated
}

// plainText undoes the escapes of a form.
func plainText(s string) string {
	var b strings.Builder
	for s != "" {
		c, rest := s[0], s[1:]
		if c == '+' {
			c = ' '
		} else if c == '%' && len(s) >= 3 {
			if n, err := strconv.ParseUint(s[1:3], 16, 8); err == nil {
				c, rest = byte(n), s[3:]
			}
		}
		b.WriteByte(c)
		s = rest
	}
	return b.String()
}

// FuzzAppendJSON holds AppendJSON equal to a plain reader of forms, and that to
// url.ParseQuery where that takes the form.
func FuzzAppendJSON(f *testing.F) {
	for _, seed := range []string{sample, "a=1&a=2", "a=%E9&b=%00%22%5C", "=", "a;b", "%", "%4&%%41=%+", "a=b=c&&+=+", "machine=1e5&machine=2", "\xff=\xfe&\xfe=1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, form []byte) {
		got, note, err := AppendJSON(nil, form, nil)
		order, want, repeated := plainForm(string(form))
		if theirs, err := url.ParseQuery(string(form)); err == nil {
			for name, values := range theirs {
				if want[name] != values[0] || len(theirs) != len(want) {
					t.Fatalf("the plain reader differs from ParseQuery: %q, %q", want, theirs)
				}
			}
		}
		if err != nil {
			if len(want) > 0 && !strings.HasPrefix(err.Error(), "too many") || len(got) > 0 {
				t.Fatalf("error %v, a plain reader finds %q", err, want)
			}
			return
		}
		var x event.Index
		if err := x.Scan(got); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if !json.Valid(x.JSON()) || !x.OneLine() || x.Len() != len(order) {
			t.Fatalf("%q: %d fields, want %d", x.JSON(), x.Len(), len(order))
		}
		broken := false
		for i, name := range order {
			broken = broken || !utf8.ValidString(name) || !utf8.ValidString(want[name])
			if text := string([]rune(name)); !x.Key(i).Is(text) {
				t.Fatalf("field %d is %q, want %q", i, x.Key(i).Text(), text)
			}
			v := x.Value(i)
			if text := string([]rune(want[name])); !v.Is(text) {
				t.Fatalf("%q is %q, want %q", name, v.Text(), text)
			}
			if v.Kind != event.String && name != "machine" {
				t.Fatalf("%q is %s", name, v.JSON)
			}
		}
		_, class := want["class"]
		if x.Repaired() != broken || note != (Note{NoClass: !class, Repeated: repeated}) {
			t.Fatalf("%q: repaired %v, note %v", got, x.Repaired(), note)
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	form := []byte(sample)
	b.Run("one pass", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(form)))
		var dst []byte
		for b.Loop() {
			dst, _, _ = AppendJSON(dst[:0], form, nil)
		}
	})
	b.Run("ParseQuery, map, Marshal", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(form)))
		for b.Loop() {
			values, err := url.ParseQuery(string(form))
			if err != nil {
				b.Fatal(err)
			}
			fields := make(map[string]any, len(values))
			for name := range values {
				fields[name] = values.Get(name)
			}
			if _, err := json.Marshal(fields); err != nil {
				b.Fatal(err)
			}
		}
	})
}
