package filter

import (
	"encoding/json"
	"math"
	"math/big"
	"testing"

	"github.com/itchyny/gojq"
	"pgregory.net/rapid"
)

// TestPrint holds the printing of values equal to gojq's.
func TestPrint(t *testing.T) {
	check := func(t rapid.TB, v any) {
		want, err := gojq.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendJSON(nil, v); string(got) != string(want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, v := range []any{
		nil, true, false, 0, -7, math.MinInt, 1e-9, 1e-10, -1e-300, 1e21, 1e20, 1e-6, 0.0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64,
		new(big.Int).Lsh(big.NewInt(-1), 80), json.Number("1.50"),
		[]any{},
		map[string]any{},
		[]any{nil, map[string]any{"b": 1, "a": []any{"x"}, "": "\x7f\x00\u2028<"}},
	} {
		check(t, v)
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, rapid.Float64().Draw(t, "number"))
		check(t, string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
		check(t, rapid.String().Draw(t, "text"))
		names := map[string]any{}
		for i, name := range rapid.SliceOf(rapid.String()).Draw(t, "names") {
			names[name] = i
		}
		check(t, names)
	})
}
