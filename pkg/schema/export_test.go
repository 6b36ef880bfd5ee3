package schema

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// hostile are events whose names and values try to end what they are written into, or to be
// the same as others.
func hostile() []string {
	var lines []string
	for _, name := range []string{
		`"`, `\`, "`", "a b", "a-b", "a_b", "aB", "A b", "*/", "//", "</script>", "<!--", "\n", "\r", "\u2028", "\x00", "\u202e", "'", "${x}", "{{.}}",
		"type", "func", "interface", "class", "event", "constructor", "__proto__", "toString", "Text", "EnswitchEvent", "1", "1a", "", "-", ",", "a,omitempty",
		"ünïcode", "静か", "😀", "|", "#", "[x](y)", "json.Number", "x/y~z%20", ".", "..", "string", "+442079460000", "call.start#2", "Item", "*", "[]",
	} {
		n := string(event.AppendString(nil, []byte(name)))
		lines = append(lines,
			`{"class":`+n+`,"event":`+n+`,"timestamp":"1.5",`+n+`:`+n+`}`,
			`{"class":"call","event":"start","v":`+n+`,`+n+`:{`+n+`:[{`+n+`:1}]},"m":1}`,
			`{"class":"call","event":"start","v":`+n+`,`+n+`:{"x":null},"m":"1"}`,
		)
	}
	return append(lines,
		`{}`, `{"class":1,"event":null}`, `{"class":"a.b","event":"c"}`, `{"class":"a","event":"b.c"}`, `{"class":"callStart"}`, `{"event":"start","class":"Call"}`,
		`{"class":"call","event":"start","mix":[1,"x",{"y":1},[2]],"e":[],"o":{}}`, `{"class":"call","event":"start","mix":{"a":1},"t":true,"o":{"a":1,"a":2}}`,
		`{"class":"call","event":"start","t":"true","n":null,"d":"2026-11-26\nx","s":"SIP:x\ny","x":".5","x":"5.e"}`,
		`{"class":"call","event":"start","by":{"+442079460000":1,"+442079460001":2}}`,
	)
}

// TestJSONSchema: it accepts all that it was learned from, also as POSTs have it, and no
// event that never came.
func TestJSONSchema(t *testing.T) {
	lines := hostile()
	compile := func(s *Schema) *jsonschema.Schema {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.JSONSchema()))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("mem:schema.json", doc); err != nil {
			t.Fatal(err)
		}
		compiled, err := c.Compile("mem:schema.json")
		if err != nil {
			t.Fatalf("%v\n%s", err, s.JSONSchema())
		}
		return compiled
	}
	accepts := func(compiled *jsonschema.Schema, line string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		return compiled.Validate(v)
	}
	compiled := compile(learn(t, nil, lines...))
	for _, line := range lines {
		if err := accepts(compiled, line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	compiled = compile(learn(t, nil, `{"class":"call","event":"start","machine":1,"id":"1.5"}`))
	for line, want := range map[string]bool{
		`{"class":"call","event":"start","machine":"2","id":"3.5","more":[]}`: true,
		`{"class":"call","event":"start","machine":"x","id":"3.5"}`:           false,
		`{"class":"call","event":"start","machine":1}`:                        false,
		`{"class":"call","event":"end","machine":1,"id":"1.5"}`:               false,
		`{"class":"call","event":"start","machine":[],"id":"1.5"}`:            false,
	} {
		if err := accepts(compiled, line); (err == nil) != want {
			t.Errorf("%s: %v", line, err)
		}
	}
	if err := accepts(compile(&Schema{}), `{}`); err == nil {
		t.Error("a schema of nothing accepts an event")
	}
}

// TestGoCompiles: what is exported passes go vet, and reads what it was learned from.
func TestGoCompiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := learn(t, nil, hostile()...)
	source, err := s.Go("events")
	if err != nil {
		t.Fatal(err)
	}
	write("go.mod", []byte("module example.com/events\n\ngo 1.24\n"))
	write("events.go", source)
	write("events_test.go", []byte(`package events

import (
	"encoding/json"
	"testing"
)

func Test(t *testing.T) {
	var e CallStart
	if err := json.Unmarshal([]byte(`+"`"+`{"class":"call","event":"start","m":1,"v":"7","by":{"+1":2}}`+"`"+`), &e); err != nil || e.M != "1" || e.V != "7" || e.By["+1"] != "2" {
		t.Errorf("%+v, %v", e, err)
	}
}
`))
	cmd := exec.CommandContext(t.Context(), "go", "test", "-vet=all", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, source)
	}
	for _, name := range []string{"", "1", "func", "a.b", "_", "x;y"} {
		if _, err := s.Go(name); err == nil {
			t.Errorf("%q is taken for the name of a package", name)
		}
	}
}

// TestTypeScriptCompiles: what is exported passes tsc --strict. TSC names it; without it, the
// one in PATH.
func TestTypeScriptCompiles(t *testing.T) {
	t.Parallel()
	tsc := os.Getenv("TSC")
	if tsc == "" {
		var err error
		if tsc, err = exec.LookPath("tsc"); err != nil {
			t.Skip("no tsc here: npm install -g typescript, or set TSC to its path")
		}
	}
	dir := t.TempDir()
	file, use := filepath.Join(dir, "events.ts"), filepath.Join(dir, "use.ts")
	if err := os.WriteFile(file, learn(t, nil, hostile()...).TypeScript(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(use, []byte(`import { EnswitchEvent, CallStart } from "./events";
export function f(e: EnswitchEvent): string | number {
  if (e.class === "call" && e.event === "start") {
    const s = e as CallStart;
    return s.m ?? "";
  }
  return 0;
}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), tsc, "--strict", "--noEmit", "--target", "es2020", file, use).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
