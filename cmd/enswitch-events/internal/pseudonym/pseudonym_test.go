package pseudonym

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

var testKey = []byte("a key for tests")

func made(text string) string { return string(NewMaker(testKey).AppendText(nil, []byte(text))) }

// plainNumber is a plain reference of what is made up for digits: with tables of the whole
// order in the place of a permutation, and big numbers.
func plainNumber(digits string, attempt int) string {
	hash := func(purpose byte, round int, value []byte) *big.Int {
		mac := hmac.New(sha256.New, testKey)
		mac.Write([]byte{purpose, byte(attempt), byte(round >> 8), byte(round)})
		mac.Write(value)
		return new(big.Int).SetBytes(mac.Sum(nil)[:4])
	}
	below := func(h *big.Int, n int64) int64 {
		return new(big.Int).Rsh(new(big.Int).Mul(h, big.NewInt(n)), 32).Int64()
	}
	significant := strings.TrimLeft(digits, "0")
	zeros := digits[:len(digits)-len(significant)]
	if significant == "" {
		return digits
	}
	tail := max(len(significant)-6, 0)
	var out strings.Builder
	out.WriteString(zeros)
	for i, c := range significant[:tail] {
		if c != '0' {
			c = '1' + rune((int64(c-'1')+below(hash('d', 0, []byte(significant[i+1:])), 9))%9)
		}
		out.WriteRune(c)
	}
	block := significant[tail:]
	low, high := int64(1), int64(1)
	for range len(block) - 1 {
		low *= 10
	}
	high, purpose := low*10, byte('0'+len(block))
	if block[0] == '0' {
		low, high, purpose = 0, low, 'z'
	}
	width := uint(1)
	for int64(1)<<(2*width) < high-low {
		width++
	}
	forth := func(x int64) int64 {
		for {
			left, right := x>>width, x&(1<<width-1)
			for r := range 8 {
				half := []byte{byte(right >> 24), byte(right >> 16), byte(right >> 8), byte(right)}
				left, right = right, left^hash(purpose, r, half).Int64()&(1<<width-1)
			}
			if x = left<<width | right; x < high-low {
				return x
			}
		}
	}
	var value int64
	fmt.Sscan("1"+block, &value)
	value -= high
	if block[0] == '0' {
		value = 0
		for _, c := range block {
			value = value*10 + int64(c-'0')
		}
	}
	want := (forth(value-low) + 1) % (high - low)
	for x := range high - low { // the one that has the next place in the order
		if forth(x) == want {
			fmt.Fprintf(&out, "%0*d", len(block), x+low)
			break
		}
	}
	return out.String()
}

// TestPlainNumber holds numbers equal to the reference. Of long ones the order is too long
// to try; the others have up to four digits, and those in front of a known end.
func TestPlainNumber(t *testing.T) {
	for _, digits := range []string{"7", "42", "104", "00104", "0", "000", "9999", "1000"} {
		got := made(digits)
		if want := plainNumber(digits, 0); got != want {
			t.Errorf("%s: %s, want %s", digits, got, want)
		}
	}
}

// significant returns the digits of a number as trace compares it, without its prefix.
func significant(text string) string {
	digits := string(digitsOf(nil, []byte(text)))
	switch {
	case strings.HasPrefix(text, "+"):
	case strings.HasPrefix(digits, "00"):
		digits = digits[2:]
	case strings.HasPrefix(digits, "0"):
		digits = digits[1:]
	}
	return digits
}

// same reports whether two numbers are equal as trace compares them.
func same(a, b string) bool {
	a, b = significant(a), significant(b)
	return min(len(a), len(b)) >= 6 && (strings.HasSuffix(a, b) || strings.HasSuffix(b, a))
}

func drawNumber(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "+", "0", "00"}).Draw(t, "prefix") + rapid.StringMatching(`[1-9][0-9]{5,14}`).Draw(t, "number")
}

// TestNumbers: a number becomes one of the same shape, the same one each time, with no six
// digits in a row of its own; numbers that are the same in several notations stay the same,
// and others stay others.
func TestNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawNumber(t)
		got := made(text)
		if got != made(text) {
			t.Fatal("made up twice, and different")
		}
		if shape := regexp.MustCompile(`[1-9]`); shape.ReplaceAllString(text, "#")[:1] != shape.ReplaceAllString(got, "#")[:1] || len(text) != len(got) {
			t.Fatalf("%s became %s", text, got)
		}
		if strings.HasPrefix(text, "00") != strings.HasPrefix(got, "00") {
			t.Fatalf("%s became %s", text, got)
		}
		if shareDigits([]byte(text), []byte(got)) {
			t.Fatalf("%s became %s", text, got)
		}
		digits := significant(text)
		other := rapid.SampledFrom([]string{"", "+", "0", "00"}).Draw(t, "other prefix") + digits[rapid.IntRange(0, len(digits)-6).Draw(t, "from"):]
		if !strings.HasPrefix(significant(other), "0") && !again(text) && !again(other) {
			if same(text, other) != same(got, made(other)) {
				t.Fatalf("%s, %s became %s, %s", text, other, got, made(other))
			}
		}
		another := drawNumber(t)
		if significant(another) != digits && significant(made(another)) == significant(got) {
			t.Fatalf("%s, %s both became %s", text, another, got)
		}
	})
}

// again reports whether a number is made up a second time, as the first has digits of it: one
// of some 20,000. It is then another number than its end.
func again(text string) bool {
	digits := digitsOf(nil, []byte(text))
	NewMaker(testKey).attempt(digits, digitsOf(nil, []byte(text)), 0)
	return shareDigits([]byte(text), digits)
}

// TestDifferent: all numbers of three digits become different ones, and none stays.
func TestDifferent(t *testing.T) {
	seen := map[string]bool{}
	for n := 100; n < 1000; n++ {
		got := made(fmt.Sprint(n))
		if seen[got] || len(got) != 3 || got == fmt.Sprint(n) {
			t.Fatalf("%d became %s", n, got)
		}
		seen[got] = true
	}
}

func TestKinds(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", `^$`},
		{" ", `^ $`},
		{"+44 (0)1632 960001", `^\+\d\d \(0\)\d{4} \d{6}$`},
		{"desk-104", `^name-[0-9a-f]{8}$`},
		{"Zoë Example", `^name-[0-9a-f]{8}$`},
		{"sip:desk-104@pbx.example.com:5060;transport=tcp", `^sip:name-[0-9a-f]{8}@host-[0-9a-f]{8}\.example$`},
		{"SIPS:+441632960001@pbx.example.com", `^SIPS:\+\d{12}@host-[0-9a-f]{8}\.example$`},
		{`"Zoë" <sip:104@10.0.0.5>;tag=7`, `^"name-[0-9a-f]{8}" <sip:\d{3}@host-[0-9a-f]{8}\.example>$`},
		{"tel:+441632960001", `^tel:\+\d{12}$`},
		{"sip:pbx.example.com", `^sip:host-[0-9a-f]{8}\.example$`},
		{"zoe@example.com", `^name-[0-9a-f]{8}@host-[0-9a-f]{8}\.example$`},
		{"sip:user:pass@host", `^sip:name-[0-9a-f]{8}@host-[0-9a-f]{8}\.example$`},
		{strings.Repeat("123456789", 10_000), `^name-[0-9a-f]{8}$`},
	} {
		if got := made(tt.text); !regexp.MustCompile(tt.want).MatchString(got) {
			t.Errorf("%.80s became %.80s", tt.text, got)
		}
	}
	name := made("desk-104")
	if got := made("sip:desk-104@pbx"); !strings.Contains(got, name) {
		t.Errorf("the user of %s is not %s", got, name)
	}
	if string(NewMaker([]byte("another key")).AppendText(nil, []byte("desk-104"))) == name {
		t.Error("the same with another key")
	}
}

func newPseudonyms(t interface{ Fatal(...any) }, asked ...string) *Pseudonyms {
	m, err := call.NewMap()
	if err != nil {
		t.Fatal(err)
	}
	return New(testKey, m, asked)
}

func rewrite(t interface{ Fatal(...any) }, r *Rewriter, raw string) string {
	var x event.Index
	if err := x.Scan([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	out, _ := r.Event(&x)
	if !json.Valid(out) {
		t.Fatal("not valid: " + string(out))
	}
	return string(out)
}

// TestEvent: what is replaced, and what is not. {…} in want is made up for what is in it.
func TestEvent(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{`{"class":"call", "from":"+441632960001" ,"n":1.50}`, `{"class":"call", "from":"{+441632960001}" ,"n":1.50}`},
		{`{"callid":"1234567890.100000","caller":"100000"}`, `{"callid":"1234567890.100000","caller":"{100000}"}`},
		{`{"from":441632960001}`, `{"from":{441632960001}}`},
		{`{"from":"\u0030\u00311632960001","x":"a"}`, `{"from":"{011632960001}","x":"a"}`},
		{`{"from":"01632960001","from":"01632960002"}`, `{"from":"{01632960001}","from":"{01632960002}"}`},
		{`{"to":"+441632960001","text":"call 01632 960001 now","ref":"x01632960001y"}`, `{"to":"{+441632960001}","text":"call {01632 960001} now","ref":"x{01632960001}y"}`},
		{`{"to":"+441632960001","n":441632960001,"m":960001}`, `{"to":"{+441632960001}","n":{441632960001},"m":{960001}}`},
		{`{"to":"desk-104","channel":"SIP/desk-104-00000001","from":"01632960001"}`, `{"to":"{desk-104}","channel":"SIP/{desk-104}-00000001","from":"{01632960001}"}`},
		{`{"to":"desk-104","uniqueid":"SIP/DESK-104-1"}`, `{"to":"{desk-104}","uniqueid":"SIP/{desk-104}-1"}`},
		{`{"to":"sip:desk-104@pbx","phone":"desk-104"}`, `{"to":"sip:{desk-104}@{host pbx}","phone":"{desk-104}"}`},
		{`{"to":["104",{"x":"105"}],"legs":{"01632960009":1},"other":"104"}`, `{"to":["{104}",{"x":"{105}"}],"legs":{"01632960009":1},"other":"{104}"}`},
		{`{"to":"01632960001","legs":{"01632960001":{"up":["+441632960001"]}}}`, `{"to":"{01632960001}","legs":{"{01632960001}":{"up":["{+441632960001}"]}}}`},
		{`{"from":"start","event":"start","class":"call","machine":1,"x":"1"}`, `{"from":"{start}","event":"start","class":"call","machine":1,"x":"1"}`},
		{`{"from":"<sip:+441632960001@pbx>;tag=77","uniqueid":"c-441632960001-7"}`, `{"from":"<sip:{+441632960001}@{host pbx}>","uniqueid":"c-{441632960001}-7"}`},
		{`{"from":-12.50e3,"to":0}`, `{"from":-{12.50}e3,"to":0}`},
		{`{"from":null,"to":"","called":true}`, `{"from":null,"to":"","called":true}`},
		{`{"class":"enswitch-events","event":"gap","from":"1.5","to":"2.5"}`, `{"class":"enswitch-events","event":"gap","from":"1.5","to":"2.5"}`},
		{`{"account":"4711001","customer":"4711001"}`, `{"account":"4711001","customer":"4711001"}`},
		{`{"asked":"secret one","x":{"in":"Secret"},"y":"SECRET ONE!"}`, `{"asked":"{secret one}","x":{"in":"{Secret}"},"y":"{secret one}!"}`},
	} {
		want := regexp.MustCompile(`\{[^{}":,]+\}`).ReplaceAllStringFunc(tt.want, func(s string) string {
			if host, ok := strings.CutPrefix(s[1:len(s)-1], "host "); ok {
				return strings.TrimPrefix(made("sip:"+host), "sip:")
			}
			return made(s[1 : len(s)-1])
		})
		if got := rewrite(t, newPseudonyms(t, "asked", "x.in").Events(), tt.raw); got != want {
			t.Errorf("%s\n got %s\nwant %s", tt.raw, got, want)
		}
	}
}

// TestNoDigitsLeft: no six digits in a row of an original are in the event that comes out,
// wherever they were, and all else is as it was.
func TestNoDigitsLeft(t *testing.T) {
	p := newPseudonyms(t, "secret")
	r := p.Events()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawNumber(t), drawNumber(t)
		with := func(label string) string {
			n := rapid.SampledFrom([]string{a, b, significant(a), significant(b)[1:]}).Draw(t, label)
			if len(n) > 8 && rapid.Bool().Draw(t, "spaced") {
				n = n[:5] + rapid.SampledFrom([]string{" ", "-", ") "}).Draw(t, "separator") + n[5:]
			}
			return rapid.SampledFrom([]string{"", "sip:", "call ", "x", "12:30 "}).Draw(t, "before") + n + rapid.SampledFrom([]string{"", "@host", " ext 12", "y"}).Draw(t, "behind")
		}
		ev := map[string]any{
			"class": "call", "event": "start", "kept": "as it was", "from": with("from"), "secret": []any{with("secret"), map[string]any{"k": b}},
			"text": with("text"), "deep": map[string]any{"list": []any{1, true, with("deep")}},
		}
		raw, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		out := rewrite(t, r, string(raw))
		if out != rewrite(t, r, string(raw)) {
			t.Fatal("different the second time")
		}
		for _, n := range []string{fmt.Sprint(ev["from"]), fmt.Sprint(ev["secret"])} {
			for _, digits := range regexp.MustCompile(`\d{6,}`).FindAllString(n, -1) {
				for i := 0; i+6 <= len(digits); i++ {
					if w := digits[i : i+6]; w != "000000" && strings.Contains(out, w) && !chance(t, r, raw, w) {
						t.Fatalf("%s: %s is in %s", n, w, out)
					}
				}
			}
		}
		if !strings.Contains(out, `"kept":"as it was"`) || !bytes.HasPrefix([]byte(out), []byte(`{"class":"call",`)) {
			t.Fatal(out)
		}
	})
	if asked, noRole := p.Unseen(); asked != nil || noRole {
		t.Error(asked, noRole)
	}
	if asked, noRole := newPseudonyms(t, "a", "b").Unseen(); !slices.Equal(asked, []string{"a", "b"}) || !noRole {
		t.Error(asked, noRole)
	}
}

// chance reports whether the digits are made up for something else in the event: with
// another key they are not there.
func chance(t *rapid.T, r *Rewriter, raw []byte, digits string) bool {
	m, err := call.NewMap()
	if err != nil {
		t.Fatal(err)
	}
	other := New([]byte("another key"), m, r.p.asked).Events()
	return !strings.Contains(rewrite(t, other, string(raw)), digits)
}
