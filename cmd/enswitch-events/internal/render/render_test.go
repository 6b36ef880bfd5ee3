package render

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		options Options
		want    string
	}{
		{Options{}, `unknown output format "": use one of line, json, ndjson, pretty, csv, tsv, template`},
		{Options{Format: "xml"}, `unknown output format "xml": use one of`},
		{Options{Format: "line", Time: "iso"}, `unknown time format "iso": use one of local, utc, rfc3339, unix, delta, none`},
		{Options{Format: "csv"}, "csv needs --fields"},
		{Options{Format: "tsv"}, "tsv needs --fields"},
		{Options{Format: "json", Fields: []string{"a"}}, "use --output ndjson"},
		{Options{Format: "template", Template: "x", Fields: []string{"a"}}, "name them in the template"},
		{Options{Format: "template"}, "needs --template"},
		{Options{Format: "line", Template: "x"}, "use --output template"},
		{Options{Format: "template", Template: "{{.a"}, "--template: line 1: a {{ has no }}"},
		{Options{Format: "template", Template: "{{nope .a}}"}, `there is no function "nope"`},
		{Options{Format: "line", Meta: true}, "use json, ndjson or pretty"},
		{Options{Format: "line", Fields: []string{"a", ""}}, "is empty"},
		{Options{Format: "line", Fields: []string{"a", "a"}}, `field "a" is named twice`},
		{Options{Format: "line", Highlight: []string{"("}}, `--highlight: bad regular expression: missing closing )`},
	}
	for _, test := range tests {
		_, err := New(&test.options)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.options, err, test.want)
		}
	}
}

func TestValue(t *testing.T) {
	tests := []struct {
		options Options
		json    string
		want    string
	}{
		{Options{Format: "line"}, `{"callid":"1","x":[1, 2]}`, "callid=1 x=[1,2]\n"},
		{Options{Format: "line"}, `{"x":1,"event":"answer","machine":2}`, "-.answer x=1 machine=2\n"},
		{Options{Format: "line"}, `{"timestamp":"1795359845.5","class":"call","event":"end","a":""}`, "15:04:05.500 call.end a=\"\"\n"},
		{Options{Format: "line"}, `{}`, "\n"},
		{Options{Format: "line"}, `"a\u001b b"`, `"a\u001b b"` + "\n"},
		{Options{Format: "line", RawOutput: true}, `"a\u001b b\n"`, `a\x1b b\n` + "\n"},
		{Options{Format: "line", RawOutput: true}, `[ "a", 1 ]`, `["a",1]` + "\n"},
		{Options{Format: "ndjson"}, "{ \"a\":\n1 }", `{"a":1}` + "\n"},
		{Options{Format: "ndjson"}, "\"a\"", "\"a\"\n"},
		{Options{Format: "ndjson", RawOutput: true}, `"a\nb"`, "a\nb\n"},
		{Options{Format: "json", RawOutput: true}, `"\u00e9"`, "é\n"},
		{
			Options{Format: "ndjson", RawOutput: true, Meta: true},
			`"a"`,
			`{"received":"2026-11-22T15:04:07.123456789Z","source":"ws://10.0.0.5:4875","event":"a"}` + "\n",
		},
		{Options{Format: "pretty"}, `[1,{"a":[]}]`, "[\n  1,\n  {\n    \"a\": []\n  }\n]\n"},
		{Options{Format: "pretty", RawOutput: true}, `"a\tb"`, `a\tb` + "\n"},
		{Options{Format: "csv", Fields: []string{"a", "b.c"}}, `{"b":{"c":"x,y"}}`, ",\"x,y\"\n"},
		{Options{Format: "csv", Fields: []string{"a"}}, `{"a":null}`, "\"\"\n"},
		{Options{Format: "csv", Fields: []string{"a"}}, `"x,y"`, "\"x,y\"\n"},
		{Options{Format: "tsv", Fields: []string{"a"}}, `[1, "\t"]`, `[1,"\\t"]` + "\n"},
		{Options{Format: "csv", SafeCSV: true, Fields: []string{"a", "b"}}, `{"a":"=1+1","b":"@x,"}`, "'=1+1,\"'@x,\"\n"},
		{Options{Format: "template", Template: "<{{.a}}>"}, `{"a":"b"}`, "<b>\n"},
		{Options{Format: "template", Template: "<{{.a}}>"}, `1`, "1\n"},
	}
	ev, _ := mustScan(t, samples[1])
	for _, test := range tests {
		r := mustNew(t, test.options)
		if got := string(r.Value(nil, ev, []byte(test.json))); got != test.want {
			t.Errorf("%+v %s:\n got %q\nwant %q", test.options, test.json, got, test.want)
		}
	}
}

func TestTemplate(t *testing.T) {
	const sgr = "\x1b[1m"
	tests := []struct{ template, event, want string }{
		{`{{.class}}.{{.event}}`, `{"class":"call"}`, "call.\n"},
		{`{{.a.b.c}}|{{.n}}|{{.n.x}}`, `{"n":null}`, "||\n"},
		{`{{.machine}} {{.big}}`, `{"machine":1,"big":12345678901234567890}`, "1 12345678901234567890\n"},
		{`{{pad 6 .a}}|{{padleft 6 .a}}|{{.b | trunc 3}}|`, `{"a":"日本","b":"abcdef"}`, "日本  |  日本|ab…|\n"},
		{`{{upper .a}} {{lower .a}} {{default "none" .b}} {{.b | default "x"}}`, `{"a":"Ab"}`, "AB ab none x\n"},
		{`{{time "rfc3339" .timestamp}} {{time "15h04" .timestamp}}`, `{"timestamp":"1795359845.123456"}`, "2026-11-22T15:04:05.123456Z 15h04\n"},
		{`{{json .a}} {{.a}} {{json .}}`, `{"a":{"y":"<\u009b>"},"b":1.10}`, "{\"y\":\"<\\u009b>\"} {\"y\":\"<\\u009b>\"} {\"a\":{\"y\":\"<\\u009b>\"},\"b\":1.10}\n"},
		{`{{color "bold" .a}}` + "\t" + `{{.a}}` + "\n", `{"a":"x\ty"}`, sgr + `x\ty` + reset + "\tx\\ty\n"},
		{`{{if eq .a "x"}}yes{{else}}no{{end}}`, `{"a":"x"}`, "yes\n"},
		{`{{range $k, $v := .}}{{$k}}={{$v}};{{end}}`, `{"\u001b[1m":"\u001b[2m"}`, `\x1b[1m=\x1b[2m;` + "\n"},
		{`{{print .a}}{{printf "%s" .a}}{{html .a}}{{slice .a 0 1}}{{.}}`, `{"a":"\u009b"}`, `\u009b\u009b\u009b\xc2{"a":"\u009b"}` + "\n"},
		{"\x1b[1m{{.a}}", `{"a":"x"}`, sgr + "x" + reset + "\n"},
		{"\x1b]0;{{.a}}\a", `{"a":"x"}`, `\x1b]0;x\x07` + "\n"},
	}
	for _, test := range tests {
		r := mustNew(t, Options{
			Format: "template", Template: test.template, Profile: colorprofile.ANSI256,
			OnError: func(err error) { t.Errorf("%s: %v", test.template, err) },
		})
		ev, x := mustScan(t, test.event)
		if got := string(r.Event(nil, ev, x)); got != test.want {
			t.Errorf("%s on %s:\n got %q\nwant %q", test.template, test.event, got, test.want)
		}
	}
}

func TestTemplateFails(t *testing.T) {
	var errs []string
	r := mustNew(t, Options{Format: "template", Template: `{{.a}}{{color (print .b "pink") .b}}`, OnError: func(err error) { errs = append(errs, err.Error()) }})
	ev, x := mustScan(t, `{"a":"x"}`)
	if got := string(r.Event(nil, ev, x)); got != "" {
		t.Errorf("%q", got)
	}
	ev, x = mustScan(t, `{}`)
	if got := string(r.Event(nil, ev, x)); got != "" {
		t.Errorf("%q", got)
	}
	if len(errs) != 2 || !strings.HasPrefix(errs[0], "the template failed: 1:") || !strings.Contains(errs[0], `unknown colour "pink": use one of blue, bold`) {
		t.Errorf("%q", errs)
	}
}

func TestColorProfile(t *testing.T) {
	const none = colorprofile.NoTTY
	tests := []struct {
		mode     string
		terminal bool
		env      string
		want     colorprofile.Profile
	}{
		{"auto", true, "TERM=xterm-256color", colorprofile.ANSI256},
		{"", true, "TERM=xterm-256color", colorprofile.ANSI256},
		{"auto", true, "TERM=xterm-256color COLORTERM=truecolor", colorprofile.TrueColor},
		{"auto", true, "TERM=xterm", colorprofile.ANSI},
		{"auto", true, "TERM=dumb", none},
		{"auto", false, "TERM=xterm-256color", none},
		{"auto", true, "TERM=xterm NO_COLOR=1", none},
		{"auto", true, "TERM=xterm NO_COLOR=", colorprofile.ANSI},
		{"auto", false, "TERM=xterm CLICOLOR_FORCE=1", colorprofile.ANSI},
		{"auto", false, "TERM=xterm CLICOLOR_FORCE=0", none},
		{"auto", false, "TERM=xterm CLICOLOR_FORCE=1 NO_COLOR=yes", none},
		{"auto", false, "TERM=dumb CLICOLOR_FORCE=1", colorprofile.ANSI},
		{"auto", false, "FORCE_COLOR=1", colorprofile.ANSI},
		{"auto", true, "TERM=xterm FORCE_COLOR=0", none},
		{"auto", true, "TERM=xterm FORCE_COLOR=false", none},
		{"always", false, "", colorprofile.ANSI},
		{"always", false, "TERM=xterm-256color NO_COLOR=1", colorprofile.ANSI256},
		{"never", true, "TERM=xterm CLICOLOR_FORCE=1", none},
	}
	for _, test := range tests {
		got, err := ColorProfile(test.mode, test.terminal, strings.Fields(test.env))
		if err != nil || got != test.want {
			t.Errorf("%q %v %q: %v %v, want %v", test.mode, test.terminal, test.env, got, err, test.want)
		}
	}
	if _, err := ColorProfile("yes", true, nil); err == nil || !strings.Contains(err.Error(), "use auto, always or never") {
		t.Error(err)
	}
}

// TestContrast holds the colours to what they promise: readable on dark and
// on light, whatever the terminal's background is.
func TestContrast(t *testing.T) {
	luminance := func(r, g, b int) float64 {
		channel := func(c int) float64 {
			v := float64(c) / 255
			if v <= 0.04045 {
				return v / 12.92
			}
			return math.Pow((v+0.055)/1.055, 2.4)
		}
		return 0.2126*channel(r) + 0.7152*channel(g) + 0.0722*channel(b)
	}
	numbers := append([]string{gray}, callColors[:]...)
	for _, c := range colorNames {
		numbers = append(numbers, c[1])
	}
	for _, number := range numbers {
		var n int
		if _, err := fmt.Sscan(number, &n); err != nil {
			t.Fatal(err)
		}
		own := luminance(paletteRGB(n))
		var darker int
		if _, err := fmt.Sscan(onLight(number), &darker); err != nil {
			t.Fatalf("no colour on light for %s", number)
		}
		if ratio := 1.05 / (luminance(paletteRGB(darker)) + 0.05); ratio < 4.5 {
			t.Errorf("colour %d on white: contrast %.2f", darker, ratio)
		}
		for _, background := range []int{0x00, 0x1e, 0xff} {
			other := luminance(background, background, background)
			ratio := (max(own, other) + 0.05) / (min(own, other) + 0.05)
			if ratio < 3 {
				t.Errorf("colour %s on grey %#x: contrast %.2f", number, background, ratio)
			}
		}
	}
}

func TestCallsSpread(t *testing.T) {
	th := newTheme(colorprofile.ANSI256)
	seen := map[callColor]int{}
	for i := range 1200 {
		seen[*th.call(fmt.Appendf(nil, "1795359845.%d", 100000+i))]++
	}
	if len(seen) != len(callColors) {
		t.Errorf("%d colours of %d", len(seen), len(callColors))
	}
	for c, n := range seen {
		if n < 60 || n > 140 {
			t.Errorf("%+q: %d calls of 1200", c, n)
		}
	}
}

func TestSameCallSameColor(t *testing.T) {
	o := Options{Format: "line", Profile: colorprofile.ANSI256}
	ev, x := mustScan(t, samples[1])
	line := string(mustNew(t, o).Event(nil, ev, x))
	th := newTheme(colorprofile.ANSI256)
	call := th.call([]byte("1795359845.100001"))
	for _, want := range []string{call.name + "call.", call.id + "1795359845.100001" + reset} {
		if !strings.Contains(line, want) {
			t.Errorf("no %q in %q", want, line)
		}
	}
	if n := strings.Count(line, call.id); n != 2 {
		t.Errorf("%d times the call's colour in %q", n, line)
	}
}

// TestRows holds that on a terminal no field is cut that fits on a row.
func TestRows(t *testing.T) {
	for _, width := range []int{60, 80, 100, 200} {
		r := mustNew(t, Options{Format: "line", Width: columnsOf(width)})
		for _, s := range samples[:10] {
			ev, x := mustScan(t, s)
			line := strings.TrimSuffix(string(r.Event(nil, ev, x)), "\n")
			if strings.HasSuffix(line, " ") {
				t.Errorf("blanks at the end of %q", line)
			}
			var rows []string
			for rest := []rune(line); len(rest) > 0; {
				n := min(width, len(rest))
				rows = append(rows, string(rest[:n]))
				rest = rest[n:]
			}
			for i, row := range rows[1:] {
				if !strings.HasPrefix(row, "  ") {
					t.Errorf("width %d, row %d is cut: %q", width, i+1, row)
				}
			}
		}
	}
}

func TestBrokenText(t *testing.T) {
	r := mustNew(t, Options{Format: "line", Time: "none"})
	ev, x := mustScan(t, "{\"class\":\"call\",\"name\":\"Andr\xe9\",\"raw\":\"a\nb\",\"good\":\"é\ufffd\",\"in\":[\"\xff\"]}")
	want := `call.-        - name="Andr\xe9" raw="a\nb" good=é` + "\ufffd" + ` in=["\xff"]` + "\n"
	if got := string(r.Event(nil, ev, x)); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestNoAllocation(t *testing.T) {
	for name, o := range map[string]Options{
		"json":          {Format: "json"},
		"ndjson":        {Format: "ndjson"},
		"ndjson-fields": {Format: "ndjson", Fields: []string{"callid", "caller.name"}},
		"ndjson-meta":   {Format: "ndjson", Meta: true},
		"csv":           {Format: "csv"},
		"pretty":        {Format: "pretty", Profile: colorprofile.ANSI256},
		"line":          {Format: "line"},
		"line-color":    {Format: "line", Profile: colorprofile.ANSI256},
		"line-fields":   {Format: "line", Fields: []string{"callid", "a name of more than thirty-two letters"}},
		"line-80":       {Format: "line", Profile: colorprofile.ANSI256, Width: columnsOf(80)},
		"line-delta":    {Format: "line", Time: "delta"},
		"line-rfc3339":  {Format: "line", Time: "rfc3339"},
	} {
		o = *options(o)
		r := mustNew(t, o)
		var events []*event.Event
		var indexes []*event.Index
		for _, s := range samples {
			if len(o.Fields) > 0 && strings.Contains(s, `"cl\u0061ss"`) {
				continue // to find a field by name beside escaped names takes memory
			}
			ev, x := mustScan(t, s)
			events, indexes = append(events, ev), append(indexes, x)
		}
		var dst []byte
		all := func() {
			for i := range events {
				dst = r.Event(dst[:0], events[i], indexes[i])
			}
		}
		all()
		if n := testing.AllocsPerRun(10, all); n > 0 {
			t.Errorf("%s: %v allocations for %d events", name, n, len(samples))
		}
	}
}

func TestMidnightAndZones(t *testing.T) {
	zone := time.FixedZone("", 9*3600)
	r := mustNew(t, Options{Format: "line", Location: zone})
	for _, test := range []struct{ timestamp, want string }{
		{"1795359845.9999", "00:04:05.999 "},       // the 23rd there, when it was received
		{"1795359599.0", "11-22 23:59:59.000 "},    // the day before
		{"1795359600", "11-23 00:00:00.000 "},      // a new day
		{"1795359601", "00:00:01.000 "},            // the same
		{"1764000000", "2025-11-25 01:00:00.000 "}, // another year
	} {
		ev, x := mustScan(t, `{"class":"a","timestamp":"`+test.timestamp+`"}`)
		if got := string(r.Event(nil, ev, x)); !strings.HasPrefix(got, test.want+"a.-") {
			t.Errorf("%s: %q", test.timestamp, got)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	const text = `{"class":"call","event":"answer","timestamp":"1795359846.988001","machine":1,"callid":"1795359845.100001","uniqueid":"1795359845.100007","asteriskid":"1795359845.7","from":"+4930901820","to":"+442071838750","name":"Anna Schmidt","pdd":"0.41"}`
	for _, bench := range []struct {
		name string
		o    Options
	}{
		{"json", Options{Format: "json"}},
		{"ndjson", Options{Format: "ndjson"}},
		{"ndjson-fields", Options{Format: "ndjson", Fields: []string{"class", "event", "callid"}}},
		{"pretty", Options{Format: "pretty", Profile: colorprofile.ANSI256}},
		{"csv", Options{Format: "csv", Fields: []string{"class", "event", "callid"}}},
		{"tsv", Options{Format: "tsv", Fields: []string{"class", "event", "callid"}}},
		{"line", Options{Format: "line"}},
		{"line-color", Options{Format: "line", Profile: colorprofile.ANSI256}},
		{"line-color-80", Options{Format: "line", Profile: colorprofile.ANSI256, Width: columnsOf(80)}},
		{"template", Options{Format: "template", Template: "{{.class}} {{.callid}}"}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := mustNew(b, bench.o)
			ev, x := mustScan(b, text)
			var dst []byte
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				dst = r.Event(dst[:0], ev, x)
			}
		})
	}
}
