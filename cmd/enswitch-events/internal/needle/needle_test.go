package needle

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

func TestOf(t *testing.T) {
	for _, row := range []struct {
		class, event, where []string
		jq                  string
		want                []string
	}{
		{},
		{class: []string{"call"}, want: []string{`"call"`}},
		{class: []string{" call , message"}, want: []string{`"call"`, `"message"`}},
		{class: []string{"call*"}},
		{class: []string{"!call"}},
		{class: []string{"!call,message"}, want: []string{`"message"`}},
		{class: []string{"a,b,c,d,e"}},
		{class: []string{"call"}, event: []string{"answer"}, want: []string{`"answer"`}},
		{event: []string{"call.answer"}, want: []string{`answer"`}},
		{event: []string{"call.*"}},
		{event: []string{"call.12"}, want: []string{`12`}},
		{event: []string{"a/b"}},
		{event: []string{"ä"}},
		{class: []string{"true"}, want: []string{"true"}},
		{class: []string{"call"}, event: []string{"start,end"}, want: []string{`"call"`}},
		{where: []string{"callid=1234.5"}, want: []string{"1234.5"}},
		{where: []string{"name = Ann B"}, want: []string{`"Ann B"`}},
		{where: []string{"name=An"}},
		{where: []string{"name!=Anna", "name~Anna", "n>=1000"}, want: []string{"Anna"}},
		{jq: `.class == "call"`, want: []string{`"call"`}},
		{jq: `"12" == .event`, want: []string{`"12"`}},
		{jq: `.class == "call" and .event == "answer"`, want: []string{`"answer"`}},
		{jq: `.machine == 2 and (.class != "x" and .event == "answer") and .n > 1`, want: []string{`"answer"`}},
		{jq: `.n > 1 and .event == "answer"`, want: []string{`"answer"`}},
		// May fail on other lines.
		{jq: `(.n|tonumber) > 1 and .event == "answer"`},
		{jq: `.n + 1 == 2 and .event == "answer"`},
		{jq: `.event == "start" or .event == "end"`, want: []string{`"start"`, `"end"`}},
		{jq: `.event == "start" or .n == 1`},
		{jq: `select(.event == "end" and .n > 1) | {n} | .n`, want: []string{`"end"`}},
		{jq: `select(.event == "end") | select(.class == "call") | .n`, want: []string{`"end"`}},
		{jq: `.event == "end" | not`},
		{jq: `.event == "end", true`},
		{jq: `.event == "end" // true`},
		{jq: `[.event == "end"]`},
		{jq: `.event == "e\(1)"`},
		{jq: `.event == "a/b"`},
		{jq: `.event.name == "name"`},
		{jq: `. as $x | .event == "end"`},
		{jq: `def select(f): .; select(.event == "end")`},
		{jq: `def f: .; .event == "end"`},
		{jq: `try (.event == "end")`},
		{jq: `(.event == "end")?`},
		{jq: `if .event == "end" then true else true end`},
		{class: []string{"call"}, jq: `.event == "end"`, want: []string{`"end"`}},
	} {
		if got := Of(&filter.Options{Class: row.class, Event: row.event, Where: row.where, JQ: row.jq}); !slices.Equal(got, row.want) {
			t.Errorf("%q %q %q: got %q, want %q", row.class, row.event, row.where, got, row.want)
		}
	}
}

// FuzzOf looks for events that the filters keep and the needles miss.
func FuzzOf(f *testing.F) {
	f.Add(`{"class":"call","event":"answer"}`, "call", "answer", "1234")
	f.Add(`{"class":"c\u0061ll","event":12}`, "call", "12", "ab/c")
	f.Add(`{"class":[1],"event":"a.b","f":{"x":1}}`, "[1]", "a.b", `{"x":1}`)
	f.Add("{\"class\":\"M\xe9l\xe9\"}", "M", "answer", "1234")
	f.Add(`{"name":"Z\u0061ra \/ x","n":"+4420"}`, "M", "answer", `Zar(a|x)+`)
	f.Fuzz(func(t *testing.T, line, class, ev, value string) {
		var x event.Index
		if strings.Contains(line, "\n") || x.Scan([]byte(line)) != nil {
			return
		}
		for _, o := range []filter.Options{{Class: []string{class}}, {Event: []string{ev}}, {Where: []string{"f=" + value}}, {Grep: []string{value}}, {Where: []string{"f~" + value}}, {Class: []string{class}, Event: []string{ev}}, {JQ: ".class == " + strconv.Quote(class)}, {JQ: "select(.event == " + strconv.Quote(ev) + " or .class == " + strconv.Quote(class) + ")"}} {
			keep, err := filter.Compile(&o)
			if err != nil {
				continue
			}
			needles := Of(&o)
			if needles == nil {
				continue
			}
			kept := false
			keep.Run(&x, func(filter.Output) bool { kept = true; return true })
			s := NewSearch(needles, "")
			s.Begin([]byte(line))
			if kept && s.Next([]byte(line), 0) < 0 {
				t.Fatalf("%q is kept by %+v and has none of %q", line, o, needles)
			}
		}
	})
}

// TestDigits finds digits with separators between them, and nothing else.
func TestDigits(t *testing.T) {
	for _, row := range []struct {
		text string
		want bool
	}{
		{`{"from":"+44163960001"}`, true},
		{`{"from":"+44163 96 00 01"}`, true},
		{`{"from":"(0163)9-6.0/0 0) (1"}`, true},
		{`{"from":"0163\/96\/0001"}`, true},
		{`{"from":"01639600\u00301"}`, true},
		{`{"from":96000.1}`, true},
		{`{"from":"+44163960002"}`, false},
		{`{"from":"96x0001"}`, false},
		{`{"from":"96","to":"0001"}`, false},
		{`60001`, false},
		{`960001`, true},
		{`11960001`, true},
		{`9600011`, true},
		{``, false},
	} {
		s := NewSearch(nil, "960001")
		text := []byte(row.text)
		s.Begin(text)
		if got := s.Next(text, 0) >= 0; got != row.want {
			t.Errorf("%s: %v", row.text, got)
		}
	}
}

// TestDigitsRandom compares the search for digits with a regular expression.
func TestDigitsRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var number, text []byte
		for range 6 {
			number = append(number, "123"[r.IntN(3)])
		}
		for range r.IntN(60) {
			text = append(text, "111222333 -.x4"[r.IntN(14)])
			if r.IntN(20) == 0 {
				text = append(text, number[:r.IntN(7)]...)
			}
		}
		parts := strings.Split(string(number), "")
		re := regexp.MustCompile(strings.Join(parts, `[ ()\-./\\]*`))
		s := NewSearch(nil, string(number))
		s.Begin(text)
		for at := 0; ; {
			want := -1 // where the first one ends
			for end := at + 1; end <= len(text) && want < 0; end++ {
				if re.Match(text[at:end]) {
					want = end - 1
				}
			}
			got := s.Next(text, at)
			if got != want {
				t.Fatalf("%s in %q from %d: found at %d, want %d", number, text, at, got, want)
			}
			if got < 0 {
				break
			}
			at = got + 1
		}
	}
}

// TestMany compares the search for many texts at once with a search for each.
func TestMany(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "012.x"[r.IntN(5)]
		}
		return string(b)
	}
	for range 2000 {
		var texts []string
		for range manyFrom + r.IntN(10) {
			texts = append(texts, random(gram+r.IntN(4)*r.IntN(12)))
		}
		text := []byte(random(r.IntN(400)))
		s := NewSearch(texts, "")
		s.Begin(text)
		for at := 0; ; {
			want := -1 // where the first one ends
			for _, needle := range texts {
				if i := bytes.Index(text[at:], []byte(needle)); i >= 0 && (want < 0 || at+i+len(needle) < want) {
					want = at + i + len(needle)
				}
			}
			got := s.Next(text, at)
			if (got < 0) != (want < 0) || got >= 0 && !slices.ContainsFunc(texts, func(n string) bool { return got+len(n) == want && string(text[got:want]) == n }) {
				t.Fatalf("%q in %q from %d: found at %d, want one that ends at %d", texts, text, at, got, want)
			}
			if got < 0 {
				break
			}
			at = got + 1
		}
	}
}
