package render

import (
	"errors"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// printed returns what a template prints of an event, and how it fails.
func printed(t *testing.T, template, json string) (out string, failure error) {
	t.Helper()
	r, err := New(&Options{Format: "template", Template: template, Time: "utc", OnError: func(err error) { failure = err }})
	if err != nil {
		t.Fatalf("%s: %v", template, err)
	}
	ev, x := mustScan(t, json)
	return strings.TrimSuffix(string(r.Event(nil, ev, x)), "\n"), failure
}

func TestTemplateNumbers(t *testing.T) {
	const numbers = `{"machine":1,"posted":"1","duration":75.25,"longer":"61","whole":75,"one":1.0,"big":12345678901234567890,"large":1e5,` +
		`"minus":-3,"zero":0,"price":1.10,"huge":1e400,"list":["a","b"],"name":"Zo\u0007","text":"007","null":null,"long":98765432109876543210}`
	for _, tt := range []struct{ template, want string }{
		// They print as written.
		{`{{.machine}} {{.duration}} {{.one}} {{.big}} {{.large}} {{.minus}} {{.price}} {{.huge}}`, `1 75.25 1.0 12345678901234567890 1e5 -3 1.10 1e400`},
		{`{{json .one}} {{json .machine}} {{json .big}} {{print .price}} {{.large | pad 6}}|`, `1.0 1 12345678901234567890 1.10 1e5   |`},

		// They compare as numbers, those of POSTed forms too.
		{`{{gt .duration 60.0}} {{gt .duration 60}} {{gt .whole 60.5}} {{lt .duration 75.25}} {{le .duration 75.25}} {{ge .whole 75}}`, `true true true false true true`},
		{`{{eq .machine 1}} {{eq .machine 1.0}} {{eq .one 1}} {{eq .posted 1}} {{eq .machine .posted}} {{ne .machine 1}} {{eq .machine 2 1}}`, `true true true true true false true`},
		{`{{eq .price 1.1}} {{eq .large 100000}} {{lt .minus .zero}} {{gt .longer 60.0}} {{lt 9 .longer}}`, `true true true true true`},
		{`{{eq .big 12345678901234567890.0}} {{gt .huge .big}} {{lt .big .long}} {{eq .long .big}}`, `false true true false`},
		{`{{eq .name 1}} {{eq .missing 1}} {{ne .missing 1}} {{eq .missing nil}} {{eq .text 7}} {{eq .name "x"}} {{eq .text "007"}}`, `false false true true false false true`},
		{`{{lt .posted "2"}} {{lt .longer .posted}}`, `true false`},
		{`{{if .zero}}yes{{else}}no{{end}} {{if .machine}}yes{{end}} {{if and (gt .duration 60.0) (eq .machine 1)}}long{{end}}`, `no yes long`},
		{`{{index .list .machine}}{{range .minus}}x{{end}}`, `b`},

		// They format as numbers.
		{`{{printf "%d %03d %x %d %d" .machine .machine .whole .large .one}}`, `1 001 4b 100000 1`},
		{`{{printf "%.1f %8.2f %e %g" .duration .whole .machine .duration}}`, `75.2    75.00 1.000000e+00 75.25`},
		{`{{printf "%d" .big}} {{printf "%.1f" .posted}} {{printf "%04d" .posted}} {{printf "%+d" .minus}}`, `12345678901234567890 1.0 0001 -3`},
		{`{{printf "%v %s %q %6v|%-6s|" .price .machine .machine .one .one}}`, `1.10 1 "1"    1.0|1.0   |`},
		{`{{printf "%s %q %5s %v" .list .text .missing .null}}|`, `["a","b"] "007"       |`},
		{`{{printf "%5d|%-5d|%.2f|" .missing .missing .missing}}`, `     |     ||`},
		{`{{printf "%s %x" .name .name}}`, `Zo\x07 5a6f07`},
		{`{{printf "%*d" 4 .machine}} {{.machine | printf "%d"}} {{printf "%t" true}} {{printf "100%%"}}`, `   1 1 true 100%`},
		{`{{print .missing}}{{print .list}}{{println .machine .posted}}`, `["a","b"]1 1`},
		{`{{pad .whole .name | len}} {{padleft "3" .machine}} {{trunc .machine .text}}`, `75   1 …`},
		{`{{urlquery .name "&"}} {{html "<" .name}} {{slice .text 1 3 | js}}`, `Zo%07%26 &lt;Zo\x07 07`},
	} {
		if got, err := printed(t, tt.template, numbers); got != tt.want || err != nil {
			t.Errorf("%s:\n got %q, %v\nwant %q", tt.template, got, err, tt.want)
		}
	}
}

// TestTemplateFailsOnSome: what is wrong for some events only, with the kind of
// failure.
func TestTemplateFailsOnSome(t *testing.T) {
	for _, tt := range []struct{ template, event, text, kind string }{
		{`{{gt .duration 60.0}}`, `{}`, "a field that is missing is no number", "a value is no number"},
		{`{{gt .duration 60.0}}`, `{"duration":"abc"}`, `"abc" is no number`, "a value is no number"},
		{`{{gt 5 .duration}}`, `{"duration":[1]}`, `[1] is no number`, "a value is no number"},
		{`{{eq .duration 60.0}}`, `{"duration":[1]}`, `an array or an object cannot be compared`, ""},
		{`{{printf "%d" .duration}}`, `{"duration":75.5}`, `75.5 does not go with %d`, "a value does not go with %d"},
		{`{{printf "%d" .duration}}`, `{"duration":"x\u0007"}`, `"x\a" does not go with %d`, "a value does not go with %d"},
		{`{{printf "%.1f" .duration}}`, `{"duration":1e400}`, `1e400 does not go with %f`, "a value does not go with %f"},
		{`{{printf "%d" .duration}}`, `{"duration":1e400}`, `1e400 does not go with %d`, "a value does not go with %d"},
		{`{{.class.x}}`, `{"class":"call"}`, `can't evaluate field x`, ""},
		{`{{pad .n .class}}`, `{"n":"x"}`, `"x" is no number of columns`, "a value is no number of columns"},
		{`{{color .c .class}}`, `{"c":"pink"}`, `unknown colour "pink"`, ""},
		{`{{range 100000000}}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{{end}}`, `{}`, `more than 16 MiB`, ""},
		{`{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, `{}`, `exceeded maximum template depth`, ""},
		{`{{gt .a 1}}`, `{"a":"` + strings.Repeat("ab", 50) + `"}`, `abab…" is no number`, "a value is no number"},
	} {
		got, err := printed(t, tt.template, tt.event)
		if got != "" || err == nil || !strings.HasPrefix(err.Error(), "the template failed: ") || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s on %s: %q, %v", tt.template, tt.event, got, err)
			continue
		}
		f, ok := errors.AsType[*filter.Failure](err)
		if !ok || tt.kind != "" && !strings.HasSuffix(f.Kind, tt.kind) || tt.kind == "" && f.Kind != f.Text {
			t.Errorf("%s on %s: of kind %q", tt.template, tt.event, f.Kind)
		}
	}
}

// TestTemplateWrong: what is wrong for every event is an error of New.
func TestTemplateWrong(t *testing.T) {
	for template, want := range map[string]string{
		`{{time .timestamp}}`:                          `--template: at 1:2, {{time .timestamp}}: time takes 2 arguments, not 1, as in {{time "utc" .timestamp}}`,
		`{{.timestamp | time}}`:                        `time takes 2 arguments, not 1`,
		`{{time "utc" .a .b}}`:                         `time takes 2 arguments, not 3`,
		`{{time "nosuch" .timestamp}}`:                 `unknown time format "nosuch": use one of local, utc`,
		`{{color "nosuch" .class}}`:                    `unknown colour "nosuch": use one of blue, bold, cyan`,
		`{{color .class}}`:                             `color takes 2 arguments, not 1, as in {{color "red" .class}}`,
		`{{.class | color "nosuch"}}`:                  `unknown colour`,
		`{{pad .class}}`:                               `pad takes 2 arguments, not 1`,
		`{{pad "x" .class}}`:                           `"x" is no number of columns, as in {{pad 8 .event}}`,
		`{{trunc 1.5 .class}}`:                         `1.5 is no number of columns`,
		`{{if eq .class "x"}}{{upper}}{{end}}`:         `upper takes 1 argument, not 0`,
		`{{if .a}}{{else}}{{lower 1 2}}{{end}}`:        `lower takes 1 argument, not 2`,
		`{{range .list}}{{json . .}}{{end}}`:           `json takes 1 argument, not 2`,
		`{{with .a}}{{default .b}}{{end}}`:             `default takes 2 arguments, not 1`,
		`{{with default}}{{end}}`:                      `default takes 2 arguments, not 0`,
		`{{$x := pad 5}}{{$x}}`:                        `pad takes 2 arguments`,
		`{{define "a"}}{{json}}{{end}}`:                `json takes 1 argument, not 0`,
		`{{template "nosuch" .}}`:                      `there is no template "nosuch"`,
		`{{template "a" (json)}}{{define "a"}}{{end}}`: `json takes 1 argument`,
		`{{gt .duration}}`:                             `gt takes 2 arguments, not 1`,
		`{{eq .class}}`:                                `eq takes 2 arguments or more, not 1`,
		`{{upper (pad 5)}}`:                            `pad takes 2 arguments, not 1`,
		`{{(upper).x}}`:                                `upper takes 1 argument, not 0`,
		`{{not .a .b}}`:                                `not takes 1 argument, not 2`,
		`{{len}}`:                                      `len takes 1 argument, not 0`,
		`{{printf}}`:                                   `printf takes 1 argument or more, not 0`,
		`{{printf "%d %d" .machine}}`:                  `the format and its 1 values do not go together: %!d(MISSING)`,
		`{{printf "%d" .machine .machine}}`:            `the format and its 2 values do not go together: %!(EXTRA`,
		`{{printf "%y" .machine}}`:                     `do not go together: %!y`,
		`{{printf 5 .machine}}`:                        `5 is no format`,
		`{{.class "x"}}`:                               `.class is no function and takes no arguments`,
		`{{$x := .a}}{{$x 1}}`:                         `$x is no function`,
		`{{call .class}}`:                              `an event holds nothing that could be called`,
		`{{nosuch .class}}`:                            `--template: line 1: there is no function "nosuch"`,
	} {
		if _, err := New(&Options{Format: "template", Template: template}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", template, err, want)
		}
	}
	for _, template := range []string{
		`{{time "15:04:05.000" .timestamp}}{{time "Monday" .timestamp}}{{.timestamp | time ""}}{{time .style .timestamp}}`,
		`{{printf "%5.1f %-3s %v %T" .a .b .c .d}}{{printf "%[2]d %[1]d" .a .b}}{{printf "%!" | upper}}{{printf .format .a}}`,
		`{{block "x" .}}{{.a}}{{end}}{{with $x := .a}}{{$x.b}}{{end}}{{/* a comment */}}{{range $i, $v := .l}}{{break}}{{end}}`,
		`{{and .a .b}}{{or .a}}{{not .a}}{{len .a}}{{index .a}}{{slice .a 1 2}}{{html .a .b}}{{.a | default "-" | pad 5 | color "red"}}`,
	} {
		if _, err := New(&Options{Format: "template", Template: template}); err != nil {
			t.Errorf("%s: %v", template, err)
		}
	}
}

// TestTemplateOrdered: only the time since the event before depends on it.
func TestTemplateOrdered(t *testing.T) {
	for _, tt := range []struct {
		template, time string
		want           bool
	}{
		{`{{.class}}`, "", false},
		{`{{.class}}`, "delta", false},
		{`{{time "utc" .timestamp}}`, "delta", false},
		{`{{time "" .timestamp}}`, "delta", true},
		{`{{time "" .timestamp}}`, "utc", false},
		{`{{if .a}}{{.timestamp | time "delta"}}{{end}}`, "", true},
		{`{{time .style .timestamp}}`, "", true},
	} {
		r := mustNew(t, Options{Format: "template", Template: tt.template, Time: tt.time})
		if r.Parallel() == tt.want {
			t.Errorf("%s with -t %q: %v", tt.template, tt.time, !r.Parallel())
		}
	}
}
