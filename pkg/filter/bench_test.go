package filter

import (
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func benchmark(b *testing.B, o Options) {
	const raw = `{"asteriskid":"1234567890.1","callid":"1234567890.100000","class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000","caller":{"name":"Ann Lee","number":"+442079460000"}}`
	f, err := Compile(&o)
	if err != nil {
		b.Fatal(err)
	}
	x := &event.Index{}
	if err := x.Scan([]byte(raw)); err != nil {
		b.Fatal(err)
	}
	n := 0
	emit := func(Output) bool { n++; return true }
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		f.Run(x, emit)
	}
	if n == 0 {
		b.Fatal("nothing was kept")
	}
}

func BenchmarkClass(b *testing.B) { benchmark(b, Options{Class: []string{"call"}}) }
func BenchmarkClassAndEvent(b *testing.B) {
	benchmark(b, Options{Class: []string{"call"}, Event: []string{"start"}})
}
func BenchmarkGlobs(b *testing.B) { benchmark(b, Options{Event: []string{"message.*,c*.st*,!*.end"}}) }
func BenchmarkWhereEqual(b *testing.B) {
	benchmark(b, Options{Where: []string{"machine=1"}})
}

func BenchmarkWhereOrder(b *testing.B) {
	benchmark(b, Options{Where: []string{"timestamp>1234567890.123455"}})
}

func BenchmarkWhereNested(b *testing.B) {
	benchmark(b, Options{Where: []string{"caller.name=Ann Lee"}})
}
func BenchmarkWhereRegexp(b *testing.B) { benchmark(b, Options{Where: []string{"callid~^123"}}) }

const compareExpr, selectExpr, projectExpr = `.class == "call" and .machine == 1`, `select(.event | test("^st"))`, `{callid, event}`

func BenchmarkJQCompare(b *testing.B) { benchmark(b, Options{JQ: compareExpr}) }
func BenchmarkJQSelect(b *testing.B)  { benchmark(b, Options{JQ: selectExpr}) }
func BenchmarkJQProject(b *testing.B) { benchmark(b, Options{JQ: projectExpr}) }
func BenchmarkJQText(b *testing.B) {
	benchmark(b, Options{JQ: `"\(.class).\(.event) on \(.machine)"`})
}

func BenchmarkGojqCompare(b *testing.B) {
	benchmark(b, Options{JQ: compareExpr, Engine: EngineGojq})
}

func BenchmarkGojqSelect(b *testing.B) {
	benchmark(b, Options{JQ: selectExpr, Engine: EngineGojq})
}

func BenchmarkGojqProject(b *testing.B) {
	benchmark(b, Options{JQ: projectExpr, Engine: EngineGojq})
}

// Expressions that only gojq knows: a sum of fields, one that looks at the whole
// event, one that may loop, one that computes its regular expression.
func BenchmarkGojqSum(b *testing.B)   { benchmark(b, Options{JQ: `{callid, n: (.machine + 1)}`}) }
func BenchmarkGojqWhole(b *testing.B) { benchmark(b, Options{JQ: `del(.timestamp)`}) }
func BenchmarkGojqLoops(b *testing.B) {
	benchmark(b, Options{JQ: `[range(.machine)] | length == 1`})
}

func BenchmarkGojqDynamic(b *testing.B) {
	benchmark(b, Options{JQ: `.callid | test(.[0:3])`})
}

// BenchmarkGojqFails drops every event.
func BenchmarkGojqFails(b *testing.B) {
	kept := 0
	f, err := Compile(&Options{JQ: `.machine[0] | test("x")`, OnError: func(error) { kept++ }})
	if err != nil {
		b.Fatal(err)
	}
	x := scan(b, `{"class":"call","event":"start","machine":1,"timestamp":"1234567890.123456"}`)
	b.ReportAllocs()
	for b.Loop() {
		f.Run(x, func(Output) bool { return true })
	}
	if kept == 0 {
		b.Fatal("no error")
	}
}
