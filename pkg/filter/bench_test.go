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

const compareExpr, selectExpr = `.class == "call" and .machine == 1`, `select(.event | test("^st"))`

func BenchmarkJQCompare(b *testing.B) { benchmark(b, Options{JQ: compareExpr}) }
func BenchmarkJQSelect(b *testing.B)  { benchmark(b, Options{JQ: selectExpr}) }
func BenchmarkJQProject(b *testing.B) { benchmark(b, Options{JQ: `{callid, event}`}) }

func BenchmarkGojqCompare(b *testing.B) {
	benchmark(b, Options{JQ: compareExpr, Engine: EngineGojq})
}
func BenchmarkGojqSelect(b *testing.B) {
	benchmark(b, Options{JQ: selectExpr, Engine: EngineGojq})
}
