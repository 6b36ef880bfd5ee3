package filter

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func scan(t testing.TB, raw string) *event.Index {
	t.Helper()
	x := &event.Index{}
	if err := x.Scan([]byte(raw)); err != nil {
		t.Fatalf("scan %s: %v", raw, err)
	}
	return x
}

// outputs runs a filter and returns what it gives: "event" for the event.
func outputs(t testing.TB, o Options, raw string) (out []string, failure error) {
	t.Helper()
	o.OnError = func(err error) { failure = err }
	f, err := Compile(&o)
	if err != nil {
		t.Fatalf("compile %+v: %v", o, err)
	}
	f.Run(scan(t, raw), func(v Output) bool {
		if v.Event {
			if v.JSON != nil {
				t.Errorf("an event with JSON %s", v.JSON)
			}
			out = append(out, "event")
		} else {
			out = append(out, string(v.JSON))
		}
		return true
	})
	return out, failure
}

func kept(t testing.TB, o Options, raw string) bool {
	t.Helper()
	out, err := outputs(t, o, raw)
	if err != nil {
		t.Fatal(err)
	}
	return len(out) == 1 && out[0] == "event"
}

const call = `{"class":"call","event":"start","machine":1,"timestamp":"1234567890.123456"}`

func TestLists(t *testing.T) {
	for _, tt := range []struct {
		class, event string // one list each, empty for none
		raw          string
		want         bool
	}{
		{"", "", call, true},
		{"call", "", call, true},
		{"message", "", call, false},
		{"message,call", "", call, true},
		{" message , call ", "", call, true},
		{"Call", "", call, false},
		{"c*", "", call, true},
		{"*", "", call, true},
		{"*l*", "", call, true},
		{"*a*a*", "", call, false},
		{"ca*ll", "", call, true},
		{"call*l", "", call, false},
		{"!call", "", call, false},
		{"!message", "", call, true},
		{"! message", "", call, true},
		{"*,!call", "", call, false},
		{"!call,call", "", call, false},
		{"!m*,!x", "", call, true},
		{"message,!x", "", call, false},
		{"*", "", `{"event":"start"}`, false},
		{"!call", "", `{"event":"start"}`, true},
		{"5", "", `{"class":5}`, true},
		{"call", "", `{"class":"\u0063all"}`, true},
		{"call", "", `{"class":"message","class":"call"}`, true},
		{"call", "", `{"class":"call","class":"message"}`, false},
		{"call", "", `{"x":{"class":"call"}}`, false},
		{"", "start", call, true},
		{"", "end", call, false},
		{"", "st*", call, true},
		{"", "!start", call, false},
		{"", "!end", call, true},
		{"", "call.start", call, true},
		{"", "call.*", call, true},
		{"", "*.start", call, true},
		{"", "m*.start", call, false},
		{"", "message.*,call.start", call, true},
		{"", "!call.start", call, false},
		{"", "!message.start", call, true},
		{"", "*,!call.*", call, false},
		{"", "a.b", `{"class":"call","event":"a.b"}`, true},
		{"", "call.a.b", `{"class":"call","event":"a.b"}`, true},
		{"", "call.a.*", `{"class":"call","event":"a.b"}`, true},
		{"", "call.b", `{"class":"call","event":"a.b"}`, false},
		{"", "call.*", `{"class":"call"}`, false},
		{"", "call.*", `{"event":"start"}`, false},
		{"", "!call.*", `{"event":"start"}`, true},
		{"", "c\u00e4ll.*", `{"class":"c\u00e4ll","event":"\u0065nd"}`, true},
		{"call", "start", call, true},
		{"call", "end", call, false},
		{"message", "start", call, false},
	} {
		o := Options{}
		if tt.class != "" {
			o.Class = []string{tt.class}
		}
		if tt.event != "" {
			o.Event = []string{tt.event}
		}
		if got := kept(t, o, tt.raw); got != tt.want {
			t.Errorf("-c %q -e %q on %s: %v", tt.class, tt.event, tt.raw, got)
		}
	}
	if !kept(t, Options{Class: []string{"message", "call"}}, call) {
		t.Error("the second list of a flag does not count")
	}
	if !kept(t, Options{}, call) {
		t.Error("no filter drops")
	}
	if f, err := Compile(nil); err != nil || !f.cheap(scan(t, call)) {
		t.Error("nil options do not keep", err)
	}
}

func TestWhere(t *testing.T) {
	const raw = `{"n":1,"s":"1","word":"start","esc":"a\u0062\n","ts":"1234567890.123456","big":123456789012345678901234567890,` +
		`"neg":-2.50,"huge":1e400,"null":null,"yes":true,"empty":"","o":{"n":2,"p":{"q":"deep","p.q":"x"},"p.q":"exact","d":1,"d":2},` +
		`"o.x":"top","arr":[1,{"a":2}],"twice":1,"twice":2,"a!b":"bang","eq":"=b","r":{"\u006b":"esc"}}`
	for _, tt := range []struct {
		expr string
		want bool
	}{
		{"n=1", true},
		{"s=1", true},
		{"n=2", false},
		{"n=1.0", false},
		{"n=", false},
		{"empty=", true},
		{"none=", false},
		{"none=x", false},
		{"n!=1", false},
		{"n!=2", true},
		{"none!=1", true},
		{"empty!=", false},
		{"word~^st", true},
		{"word~^t", false},
		{"word~", true},
		{"none~", false},
		{"n~^1$", true},
		{"esc~b\n", true},
		{"word!~^st", false},
		{"word!~x", true},
		{"none!~.*", true},
		{"n<2", true},
		{"n<1", false},
		{"n<=1", true},
		{"n<=0.999", false},
		{"n>0", true},
		{"n>1", false},
		{"n>=1", true},
		{"n>=1.0001", false},
		{"s<2", true},
		{"s>=1", true},
		{"word<2", false},
		{"word>=2", false},
		{"none<2", false},
		{"none>=2", false},
		{"empty<1", false},
		{"null<1", false},
		{"yes<2", false},
		{"o<3", false},
		{"ts>1234567890.123455", true},
		{"ts>1234567890.123456", false},
		{"ts>=1234567890.1234560", true},
		{"ts<1234567890.1234561", true},
		{"big>123456789012345678901234567889", true},
		{"big>=123456789012345678901234567890", true},
		{"big<=123456789012345678901234567889", false},
		{"big<1.2345678901234567890123456789e29", false},
		{"big<=1.2345678901234567890123456789e29", true},
		{"neg<-2.4", true},
		{"neg<-2.5", false},
		{"neg<=-2.5", true},
		{"neg>-2.51", true},
		{"neg<0", true},
		{"neg=-2.5", false},
		{"neg=-2.50", true},
		{"huge>1e399", true},
		{"huge<1e401", true},
		{"huge>=10e399", true},
		{"huge<1e99999999999999999999999", true},
		{"null=null", true},
		{"yes=true", true},
		{"arr=[1,{\"a\":2}]", true},
		{"esc=ab\n", true},
		{"o.n=2", true},
		{"o.n>1.5", true},
		{"o.d=2", true},
		{"o.p.q=exact", true},
		{"o.x=top", true},
		{"o.none!=1", true},
		{"o.none=1", false},
		{"n.x=1", false},
		{"n.x!=1", true},
		{"arr.0=1", false},
		{"r.k=esc", true},
		{"o.p={\"q\":\"deep\",\"p.q\":\"x\"}", true},
		{"twice=2", true},
		{"twice=1", false},
		{"a!b=bang", true},
		{"eq==b", true},
		{"eq=b", false},
		{"n = 1", true},
		{"n > 0", true},
		{" n=1", true},
		{"n= 1", false},
		{"n =1", true},
		{"word =~x", false},
	} {
		if got := kept(t, Options{Where: []string{tt.expr}}, raw); got != tt.want {
			t.Errorf("%s: %v", tt.expr, got)
		}
	}
	if kept(t, Options{Where: []string{"n=1", "n=2"}}, raw) {
		t.Error("one of two conditions is enough")
	}
	deep := `{"a":{"b":{"c":{"d":7}}}}`
	if !kept(t, Options{Where: []string{"a.b.c.d=7"}}, deep) {
		t.Error("four levels")
	}
}

func TestJQ(t *testing.T) {
	const raw = `{"class":"call", "machine":1,"big":12345678901234567890123,"dec":1.10,"s":"x","o":{"a":1,"b":[1,2]},"d":1,"d":2}`
	for _, tt := range []struct {
		expr string
		want string // outputs, separated by spaces
	}{
		{`true`, "event"},
		{`false`, ""},
		{`null`, ""},
		{`empty`, ""},
		{`true, true`, "event"},
		{`false, true, null`, "event"},
		{`.machine == 1`, "event"},
		{`.machine == 2`, ""},
		{`select(.machine == 1)`, "event"},
		{`select(false)`, ""},
		{`.`, "event"},
		{`., .`, "event event"},
		{`.s`, `"x"`},
		{`.none`, ""},
		{`{s, machine}`, `{"machine":1,"s":"x"}`},
		{`.big`, "12345678901234567890123"},
		{`.dec`, "1.10"},
		{`.dec + 0`, "1.1"},
		{`.big + 1`, "12345678901234567890124"},
		{`.o`, `{"a":1,"b":[1,2]}`},
		{`.o.b[]`, "1 2"},
		{`.d`, "2"},
		{`. + {}`, "event"},
		{`. as {class: $c} | $c`, `"call"`},
		{`.s | test("^x")`, "event"},
		{`.s | startswith("y")`, ""},
		{`if .machine > 0 then "pos" else false end`, `"pos"`},
		{`$name`, `"v"`},
		{`$list[1].k`, "1.50"},
		{`.s == $x`, "event"},
		{`[.[] | numbers]`, "[12345678901234567890123,2,1.10,1]"},
		{`def env: "mine"; env`, `"mine"`},
		{`def halt(f): f; halt(3)`, "3"},
		{`. as $ENV | $ENV.s`, `"x"`},
		{`def f(input): input; f(1)`, "1"},
		{`.env`, ""},
		{`{env: 1}`, `{"env":1}`},
		{`"env $ENV input"`, `"env $ENV input"`},
		{`reduce .o.b[] as $ENV (0; . + $ENV)`, "3"},
		{`"<&>\u2028"`, "\"<&>\u2028\""},
		{`"AP8=" | @base64d`, `"\u0000\ufffd"`},
		{`nan`, "null"},
		{`try error("x") catch .`, `"x"`},
		{`.o.b | length == 2 and true`, "event"},
		{`first(.o.b[])`, "1"},
	} {
		out, err := outputs(t, Options{JQ: tt.expr, Args: map[string]any{
			"name": "v", "x": "x", "list": []any{nil, map[string]any{"k": json.Number("1.50")}},
		}}, raw)
		if got := strings.Join(out, " "); got != tt.want || err != nil {
			t.Errorf("%s: %s, %v; want %s", tt.expr, got, err, tt.want)
		}
	}
}

func TestJQError(t *testing.T) {
	for _, tt := range []struct{ expr, want string }{
		{`.machine | startswith("x")`, ""},
		{`.s, error("no"), .machine`, `"x"`},
		{`error`, ""},
		{`test("(" + "")`, ""},
	} {
		out, err := outputs(t, Options{JQ: tt.expr}, `{"machine":1,"s":"x"}`)
		if got := strings.Join(out, " "); got != tt.want || err == nil {
			t.Errorf("%s: %s, %v", tt.expr, got, err)
		}
	}
	// Without OnError the event is dropped all the same.
	f, err := Compile(&Options{JQ: "error"})
	if err != nil {
		t.Fatal(err)
	}
	f.Run(scan(t, call), func(Output) bool { t.Error("kept"); return true })
}

func TestEmitStops(t *testing.T) {
	f, err := Compile(&Options{JQ: "range(infinite)"})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	f.Run(scan(t, call), func(Output) bool { n++; return n < 3 })
	if n != 3 {
		t.Errorf("%d outputs", n)
	}
}

func TestQuery(t *testing.T) {
	for _, tt := range []struct {
		expr string
		want bool
		fail bool
	}{
		{"true", true, false},
		{"false", false, false},
		{"empty", false, false},
		{"null", false, false},
		{".none", false, false},
		{"1", false, true},
		{".", false, true},
		{".class", false, true},
		{"{}", false, true},
		{"[.[]]", false, true},
		{".machine + 0.5", false, true},
		{"select(.class)", false, true},
		{"true, error", true, false},
		{"false, true", false, false},
		{`.class == $c`, true, false},
		{"error(1)", false, true},
	} {
		q, err := CompileQuery(tt.expr, map[string]any{"c": "call"}, EngineAuto)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []*Query{q, q.Clone()} {
			if got, err := q.True(scan(t, call)); got != tt.want || (err != nil) != tt.fail {
				t.Errorf("%s: %v, %v", tt.expr, got, err)
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector sync.Pool, and with it package regexp, forgets on purpose")
	}
	f, err := Compile(&Options{
		Class: []string{"c*,!x*y"}, Event: []string{"call.st*,message.*,!end"},
		Where: []string{"machine<=1", "timestamp>1234567890.1", "o.p.s=b\n", "o.p.s~b", "none!=1", "machine!~2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	x := scan(t, `{"class":"\u0063all","event":"\u0073tart","machine":1,"timestamp":"1234567890.123456","o":{"p":{"s":"\u0062\n"}}}`)
	n := 0
	if allocs := testing.AllocsPerRun(100, func() { f.Run(x, func(Output) bool { n++; return true }) }); allocs != 0 || n != 101 {
		t.Errorf("%v allocations, %d kept", allocs, n)
	}
}

func TestKeeps(t *testing.T) {
	for expr, want := range map[string]bool{"true": true, ".class": true, "false": false, "empty": false, ".class + 1": false, `.class == "call"`: true} {
		f, err := Compile(&Options{JQ: expr})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Keeps(scan(t, `{"class":"call"}`)); got != want {
			t.Errorf("%s: %v", expr, got)
		}
	}
}
