package filter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// corpus returns the events of testdata.
func corpus(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob("../../testdata/events/*.ndjson")
	if err != nil || len(files) == 0 {
		t.Fatal("no events in testdata", err)
	}
	var events [][]byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(b) {
			events = append(events, bytes.TrimSpace(line))
		}
	}
	return events
}

// expressions are what people write, and what is easily got wrong.
var expressions = []string{
	`.class == "call"`,
	`.class == "call" and .machine == 2`,
	`select(.event == "start" or .event == "end")`,
	`select(.machine == 1)`,
	`.machine != 1`,
	`.machine > 1`,
	`.machine <= 2 and .class != "message"`,
	`.timestamp >= "1790000014"`,
	`(.timestamp | tonumber) > 1790000014.5`,
	`.event | test("^(start|answer)$")`,
	`.event | test("ST"; "i")`,
	`.callid | startswith("179")`,
	`.callid? // "" | tostring | endswith("3")`,
	`.caller.name`,
	`.caller.name? // empty`,
	`.caller | has("name")`,
	`has("callid")`,
	`has("callid") | not`,
	`.caller.name | contains("e")`,
	`{callid, event}`,
	`{class, who: .caller.name, n: (.machine + 1)}`,
	`"\(.class).\(.event)"`,
	`[.class, .event] | join("/")`,
	`.class as $c | ["call", "message"] | index($c) != null`,
	`.class | IN("call", "registration")`,
	`any(.event; . == "start", . == "end")`,
	`[.machine] | all(. == 1 or . == 2)`,
	`if .class == "call" then .callid elif .class == "message" then .text else false end`,
	`.legs[]?.uniqueid`,
	`.legs | length`,
	`.legs[0]`,
	`.legs[-1].seconds`,
	`[.. | strings] | length`,
	`.duration // 0 | . > 4`,
	`.class | ascii_downcase`,
	`.callid | strings | ltrimstr("179")`,
	`keys`,
	`to_entries | map(.key) | sort`,
	`with_entries(select(.key != "timestamp"))`,
	`del(.timestamp)`,
	`.machine |= [.]`,
	`. + {seen: true}`,
	`select(.caller.number == "+442079460002" | not)`,
	`.text | length`,
	`.name`,
	`.o`,
	`.zero == 0`,
	`.exp == 1000`,
	`.dec`,
	`.lone`,
	`true, false, .machine`,
	`., .`,
	`empty`,
	`try error("x") catch .`,
	`.machine | if type == "number" then . * 2 else error("no number") end`,
	`. as [$x] | $x`,
	`limit(2; .legs[]?)`,
	`reduce .legs[]? as $l (0; . + $l.seconds)`,
	`[paths] | length`,
	`.flag`,
	`.list, .map`,
	`.inner.class == "message"`,
	`.nested | tojson`,
	`.sep | explode`,
	`.list | @json`,
	`@base64 "\(.class)"`,
	`splits(",")?`,
	`$who`,
	`.class == $who`,
	`.machine < $n`,
	`{class, "event", who: $who, $n, nested: {a: .machine, b: [.callid, .none]}}`,
	`{b: .class, a: .event, b: .machine}`,
	`[.class, (.event | select(. == "start")), .machine, null]`,
	`"\(.class): \(.event)\(.none)"`,
	`any(.class, .event; . == "start", . == "end")`,
	`all(.class, .event; type == "string")`,
	`[.class, .event] | any(. == "message")`,
	`all("call", "message"; . != $who)`,
	`if .machine == 1 then "one" elif .machine == 2 then "two" else .machine end`,
	`.event | ascii_upcase`,
	`.class | length`,
	`.machine | type`,
	`.event | inside("restart")`,
	`.class | in({"call": 1})`,
	`.class | IN(("call", "message"))`,
	`.callid | numbers, strings`,
	`.machine | tostring | tonumber`,
	`.event | strings | rtrimstr("t") | ltrimstr("s")`,
	`.caller.name | values`,
}

var jqArgs = map[string]any{"who": "call", "n": json.Number("2")}

// TestAgainstJQ runs every expression over the corpus in this package and in
// the jq of this machine. Where the two languages differ the difference is
// taken out: jq's numbers are of 64 bits and lose their text, its keys keep
// their order, and its words for an error are its own.
func TestAgainstJQ(t *testing.T) {
	jq, err := exec.LookPath("jq")
	if err != nil {
		t.Skip("no jq here to compare with")
	}
	events := slices.DeleteFunc(corpus(t), func(raw []byte) bool {
		return bytes.Contains(raw, []byte(`\ud800`)) // legal, but no jq before 1.7 reads it
	})
	for _, expr := range expressions {
		t.Run(expr, func(t *testing.T) {
			// Of each event an array of outputs, or the text "error".
			cmd := exec.Command(jq, "-c", "--arg", "who", "call", "--argjson", "n", "2", `try [`+expr+`] catch "error"`)
			cmd.Stdin = bytes.NewReader(bytes.Join(events, []byte("\n")))
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			b, err := cmd.Output()
			if err != nil {
				t.Fatalf("jq: %v: %s", err, &stderr)
			}
			lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
			if len(lines) != len(events) {
				t.Fatalf("jq gave %d lines for %d events", len(lines), len(events))
			}
			for i, raw := range events {
				want, got := fromJQ(t, raw, lines[i]), fromFilter(t, expr, raw)
				if !slices.Equal(got, want) {
					t.Errorf("%s\ngot  %q\nwant %q", raw, got, want)
				}
			}
		})
	}
}

// fromJQ turns the outputs of jq into what the filter should print.
func fromJQ(t *testing.T, raw, line []byte) []string {
	var outputs any
	if err := json.Unmarshal(line, &outputs); err != nil {
		t.Fatalf("jq printed %s: %v", line, err)
	}
	list, ok := outputs.([]any)
	if !ok {
		return []string{"error"}
	}
	var out []string
	kept := false
	for _, v := range list {
		switch {
		case v == nil || v == false || v == true && kept:
		case v == true:
			kept = true
			out = append(out, plain(t, raw))
		default:
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, plain(t, b))
		}
	}
	return out
}

func fromFilter(t *testing.T, expr string, raw []byte) []string {
	var out []string
	var failure error
	f, err := Compile(&Options{JQ: expr, Args: jqArgs, OnError: func(err error) { failure = err }})
	if err != nil {
		t.Fatal(err)
	}
	x := scan(t, string(raw))
	f.Run(x, func(v Output) bool {
		if v.Event {
			v.JSON = x.JSON()
		}
		out = append(out, plain(t, v.JSON))
		return true
	})
	if failure != nil {
		return []string{"error"}
	}
	return out
}

// plain writes JSON with sorted keys and numbers of 64 bits as jq limits them.
func plain(t *testing.T, b []byte) string {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	var flat func(v any) any
	flat = func(v any) any {
		switch v := v.(type) {
		case json.Number:
			f, err := v.Float64()
			if err != nil { // out of range: jq takes the nearest
				f = 1.7976931348623157e308
			}
			return fmt.Sprintf("number %.15g", f+0)
		case []any:
			for i := range v {
				v[i] = flat(v[i])
			}
		case map[string]any:
			for k := range v {
				v[k] = flat(v[k])
			}
		}
		return v
	}
	out, err := json.Marshal(flat(v))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(out), `"number -0"`, `"number 0"`)
}

// TestDecode compares what gojq is given with encoding/json.
func TestDecode(t *testing.T) {
	d := &decoder{}
	for _, raw := range corpus(t) {
		x := &event.Index{}
		if err := x.Scan(raw); err != nil {
			t.Fatal(err)
		}
		checkDecode(t, d, x.JSON())
	}
}

func checkDecode(t *testing.T, d *decoder, raw []byte) {
	t.Helper()
	j := json.NewDecoder(bytes.NewReader(raw))
	j.UseNumber()
	var want any
	if err := j.Decode(&want); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if got := any(d.object(raw)); !same(got, want) {
		t.Errorf("%s\ngot  %#v\nwant %#v", raw, got, want)
	}
}

func same(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !same(v, w) {
				return false
			}
		}
		return true
	}
	return a == b
}
