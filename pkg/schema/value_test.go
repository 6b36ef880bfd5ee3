package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestPattern(t *testing.T) {
	for want, texts := range map[string][]string{
		"digits.digits": {"1234567890.100000 1234567890.1", "1.5"},
		"digits":        {"201 1000", "12345678", "007", "1 0"},
		"+digits":       {"+442079460000 +1"},
		"[+]digits":     {"+442079460000 201", "123456789012 +1"},
		"decimal":       {"-1", "1.5 -2e3 7", "1 2.5"},
		"true/false":    {"true false", "true 1"},
		"uuid":          {"6ba7b810-9dad-11d1-80b4-00c04fd430c8 00000000-0000-0000-0000-000000000000"},
		"ipv4":          {"10.0.0.1 255.255.255.255"},
		"ip":            {"10.0.0.1 ::1", "fe80::1"},
		"mac":           {"00:11:22:aa:BB:cc"},
		"date":          {"2026-11-26 2026-11-26T10:00:00Z"},
		"sip":           {"sip:201@example.com tel:+44", "SIPS:x"},
		"hex":           {"deadbeef 0123456789", "d41d8cd98f00b204e9800998ecf8427e"},
		"word":          {"start hang_up", "face 12", "a-b"},
		"text":          {"1.2.3 x", "999.1.1.1", "two,words", "1..5", ".5.", "+", "+4a"},
		"":              {"a\nb"},
	} {
		for _, list := range texts {
			f := learnField(t, nil, "v", strings.Split(list, " ")...)
			if got := f.Pattern(); got != want {
				t.Errorf("%q: got %q, want %q", list, got, want)
			}
		}
	}
	if got := learnField(t, nil, "v", "", "1.5", "").Pattern(); got != "digits.digits" {
		t.Errorf("with empty texts: %q", got)
	}
}

// learnField returns what is known of a field with these texts.
func learnField(t testing.TB, o *Options, name string, texts ...string) *Field {
	t.Helper()
	var lines []string
	for _, text := range texts {
		lines = append(lines, `{"class":"c","event":"e",`+string(event.AppendString(nil, []byte(name)))+`:`+string(event.AppendString(nil, []byte(text)))+`}`)
	}
	return learn(t, o, lines...).Kind(Name{"c", "e"}).Root.Members[name]
}

// TestPatternsAreRegexps: each pattern is what its regular expression says, also together with
// others.
func TestPatternsAreRegexps(t *testing.T) {
	var res []*regexp.Regexp
	for _, k := range known {
		res = append(res, regexp.MustCompile("^("+k.regexp+")$"))
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[0-9.+eE-]{1,20}`), rapid.StringMatching(`[0-9a-fA-F:-]{1,40}`), rapid.StringMatching(`(true|false|sip:|tel:|2026-11-26)[a-z0-9]{0,2}`), rapid.String(),
			rapid.StringMatching(`[0-9]{1,20}(\.[0-9]{1,20})?`)).Filter(func(s string) bool { return s != "" }).Draw(t, "text")
		set := matching(allPatterns, []byte(s))
		for i, k := range known {
			if k.regexp == "" {
				continue
			}
			// A few texts with dots are of the expression for an address or a number, and are none.
			if is := set&(1<<i) != 0; is && !res[i].MatchString(s) || !is && res[i].MatchString(s) && k.name != "ipv4" && k.name != "decimal" {
				t.Fatalf("%q is %s: %v", s, k.name, is)
			}
			if one := matching(1<<i, []byte(s)); one != set&(1<<i) {
				t.Fatalf("%q is %s alone: %v, together %v", s, k.name, one, set&(1<<i))
			}
		}
		dots, ok := digitsAndDots([]byte(s))
		if want := regexp.MustCompile(`^[0-9.]+$`).MatchString(s); ok != want || ok && dots != strings.Count(s, ".") {
			t.Fatalf("%q: %d dots, %v", s, dots, ok)
		}
	})
}

// TestPrivate: no secret and no telephone number is kept, unless asked for.
func TestPrivate(t *testing.T) {
	private := map[string][]string{
		"authkey": {"x1"}, "password": {"hunter2"}, "userPassword": {"a"}, "X-Auth-Token": {"b"}, "api_key": {"c"}, "ApiKey": {"d"}, "secret": {"e"},
		"PIN": {"4711"}, "vmpin": {"4711"}, "sessionkey": {"f"}, "sippass": {"g"}, "ziel": {"201"}, "anrufer": {"201"}, "ext": {"201"}, "from": {"201"}, "callerNumber": {"201"}, "rufnummer_a": {"201"}, "text": {"see you"}, "fromname": {"Bob"},
		"note": {
			"+442079460000", "02079460000", "0044 20 7946 0000", "(020) 7946-0000", "call 020/7946000 now", "sip:201@10.0.0.1", "tel:+442079460000",
			`"Bob" <+442079460000>`, "Bearer abc", "authkey=abc", "http://u:p@example.com", "eyJhbGciOi.eyJzdWIi", "sk_live_51H8abcdEFGH1234", "-----BEGIN PRIVATE KEY-----",
			"password: x", "020.7946.0000",
		},
	}
	for name, values := range private {
		for _, v := range values {
			if f := learnField(t, nil, name, v, "fine", v); slices.Contains(f.Values, v) || slices.Contains(f.Examples, v) || !f.Many {
				t.Errorf("%s=%s is kept: %v, %v", name, v, f.Values, f.Examples)
			}
			if f := learnField(t, &Options{Examples: AllExamples}, name, v); !slices.Equal(f.Values, []string{v}) {
				t.Errorf("%s=%s is not kept when asked for: %v", name, v, f.Values)
			}
			if f := learnField(t, &Options{Examples: NoExamples}, name, "fine"); f.Values != nil || f.Examples != nil {
				t.Errorf("%s: values are kept that nobody asked for: %v", name, f.Values)
			}
		}
	}
	for _, v := range []string{"1234567890.100000", "normal clearing", "10.0.0.1", "16", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "00:11:22:33:44:55", "2026-11-26T10:00:00.123456Z", "Acme Ltd", "machine-7"} {
		if f := learnField(t, nil, "note", v); !slices.Equal(f.Values, []string{v}) {
			t.Errorf("%s is not kept", v)
		}
	}
	s := learn(t, nil, `{"class":"c","event":"e","auth":{"user":"bob","deep":[{"x":"y"}]},"by":{"+442079460000":"z","020 7946 0001":"z"}}`)
	if out := text(t, s); strings.Contains(out, "bob") || strings.Contains(out, `"y"`) || strings.Contains(out, "7946") || !strings.Contains(out, `"*"`) {
		t.Errorf("nested: %s", out)
	}
}

// TestFewAndMany: 16 values are kept, and of more 3, whatever their order.
func TestFewAndMany(t *testing.T) {
	var values []string
	for i := range 40 {
		values = append(values, fmt.Sprintf("v%02d", i))
	}
	if f := learnField(t, nil, "v", values[:16]...); f.Many || !slices.Equal(f.Values, values[:16]) {
		t.Errorf("16: %v", f.Values)
	}
	f := learnField(t, nil, "v", values...)
	slices.Reverse(values)
	if g := learnField(t, nil, "v", values...); !f.Many || len(f.Values) != 0 || len(f.Examples) != 3 || !slices.Equal(f.Examples, g.Examples) {
		t.Errorf("40: %v and %v", f.Examples, g.Examples)
	}
}

// TestNews: what is new is said once; a number that came as a text is not.
func TestNews(t *testing.T) {
	for _, c := range []struct{ known, comes, want string }{
		{`{"class":"a","event":"b"}`, `{"class":"a","event":"c","x":{"y":1}}`, "a.c;"},
		{`{"class":"a","event":"b"}`, `{"class":"a","event":"b","x":{"y":[1]}}`, "a.b x;"},
		{`{"class":"a","event":"b","x":{"y":1}}`, `{"class":"a","event":"b","x":{"y":1,"z":[{"q":1}]}}`, "a.b x.z;"},
		{`{"class":"a","event":"b","x":[1]}`, `{"class":"a","event":"b","x":[1,"s"]}`, "a.b x[] string was [3];"},
		{`{"class":"a","event":"b","machine":1}`, `{"class":"a","event":"b","machine":"2"}`, ""},
		{`{"class":"a","event":"b","machine":"2"}`, `{"class":"a","event":"b","machine":1}`, ""},
		{`{"class":"a","event":"b","machine":1}`, `{"class":"a","event":"b","machine":"x"}`, "a.b machine string was [3];"},
		{`{"class":"a","event":"b","machine":"x"}`, `{"class":"a","event":"b","machine":1}`, "a.b machine number was [4];"},
		{`{"class":"a","event":"b","to":"201"}`, `{"class":"a","event":"b","to":"sip:x"}`, ""},
		{`{"class":"a","event":"b","ok":true}`, `{"class":"a","event":"b","ok":"true"}`, ""},
		{`{"class":"a","event":"b","ok":true}`, `{"class":"a","event":"b","ok":"1"}`, ""},
		{`{"class":"a","event":"b","ok":true}`, `{"class":"a","event":"b","ok":"maybe"}`, "a.b ok string was [2];"},
		{`{"class":"a","event":"b","x":null}`, `{"class":"a","event":"b","x":""}`, ""},
		{`{"class":"a","event":"b","x":null}`, `{"class":"a","event":"b","x":"y"}`, "a.b x string was [1];"},
		{`{"class":"a","event":"b","x":"y"}`, `{"class":"a","event":"b","x":{"a":1}}`, "a.b x object was [4];"},
		{`{"class":"a","event":"b","x":"y"}`, `{"class":"a","event":"b"}`, ""},
		{`{"class":"a","event":"b"}`, `{"class":"enswitch-events","event":"gap"}`, ""},
	} {
		known := learn(t, nil, c.known)
		var got strings.Builder
		l := NewLearner(nil)
		var x event.Index
		var p Part
		for range 2 {
			if err := x.Scan([]byte(c.comes)); err != nil {
				t.Fatal(err)
			}
			l.Add(&x)
			l.Take(&p)
			known.Add(&p, func(n News) {
				got.WriteString(n.Name.String())
				if n.Path != nil {
					got.WriteString(" " + PathText(n.Path))
				}
				if n.Type != event.Absent {
					fmt.Fprintf(&got, " %s was %d", n.Type, n.Types)
				}
				got.WriteByte(';')
			})
		}
		if got.String() != c.want {
			t.Errorf("%s after %s: got %q, want %q", c.comes, c.known, got.String(), c.want)
		}
		// Diff agrees, but for the values, which it does not compare.
		if d := Diff(learn(t, nil, c.known), learn(t, nil, c.comes)); (len(d) > 0) != (c.want != "") && !strings.Contains(c.comes, `"b"}`) && !strings.Contains(c.comes, "enswitch") && !strings.Contains(c.comes, "sip:x") {
			t.Errorf("%s after %s: diff says %v", c.comes, c.known, d)
		}
	}
}
