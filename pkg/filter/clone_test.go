package filter

import (
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestClonesAtTheSameTime(t *testing.T) {
	for _, expr := range []string{`.o.s | test("b") and (. as $s | $s != $x)`, `.o.s | test(.[0:1])`, `[range(2)] | length == 2`, `{s: .o.s, x: $x}`} {
		clonesAtTheSameTime(t, expr)
	}
}

func clonesAtTheSameTime(t *testing.T, expr string) {
	f, err := Compile(&Options{Class: []string{"c*"}, Where: []string{"o.s=b\n"}, JQ: expr, Args: map[string]any{"x": "y"}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan int)
	for range 4 {
		go func(f *Filter) {
			x, n := &event.Index{}, 0
			for range 200 {
				if x.Scan([]byte(`{"class":"\u0063all","o":{"s":"\u0062\n"}}`)) == nil {
					f.Run(x, func(Output) bool { n++; return true })
				}
			}
			done <- n
		}(f.Clone())
	}
	for range 4 {
		if n := <-done; n != 200 {
			t.Errorf("%d kept of 200", n)
		}
	}
}
