package filter

import "strings"

// sentences makes expressions and events. choose picks a number below n.
type sentences struct{ choose func(n int) int }

func (g sentences) pick(of ...string) string { return of[g.choose(len(of))] }

func (g sentences) path() string {
	return g.pick(".class", ".event", ".machine", ".timestamp", ".a", ".b", ".a.b", ".o", ".o.x", `.["a"]`, `."b"?`, ".o.x.y?", ".n", ".", ".none", ".s", ".a[0]", ".a[-1].x", ".o[1]?", ".b[-2][0]", ".o.x[$n]")
}

func (g sentences) literal() string {
	return g.pick(`"call"`, `"start"`, `"a"`, `""`, `"é\n"`, `"\u007f\u0008"`, "1", "2", "1.0", "-1", "0", "-0", "1e0", "1.5", "1e400", "-1e400", "1e-9", "1e17", "0.1e22", "9007199254740993", "9223372036854775808",
		"9007199254740992.0", "null", "true", "false", "$s", "$n", "$z", "$o", "$l", "[]", "{}", `["a",1.0]`, `{"b":[1],"a":$n}`)
}

// native makes an expression that the native engine may know.
func (g sentences) native() string {
	switch g.choose(8) {
	case 0:
		return "select(" + g.condition(2) + ")"
	case 1:
		return "select(" + g.condition(1) + ") | " + g.condition(1)
	case 2:
		return "if " + g.condition(1) + " then . else " + g.condition(1) + " end"
	case 3, 4:
		return g.built(2)
	case 5:
		return "select(" + g.condition(1) + ") | " + g.built(1)
	case 6:
		return g.value(3)
	}
	return g.condition(3)
}

func (g sentences) value(depth int) string {
	if depth <= 0 {
		return g.pick(g.path(), g.path(), g.literal())
	}
	switch g.choose(10) {
	case 0, 1, 2:
		return g.path()
	case 3:
		return g.literal()
	case 4:
		return "(" + g.value(depth-1) + " // " + g.value(depth-1) + ")"
	case 5:
		return "(" + g.value(depth-1) + " | " + g.function(depth) + ")"
	case 6:
		return "(" + g.condition(depth-1) + ")"
	case 7:
		return "(if " + g.condition(depth-1) + " then " + g.value(depth-1) + g.pick("", " elif "+g.condition(depth-1)+" then "+g.value(0)) + g.pick("", " else "+g.value(depth-1)) + " end)"
	case 8:
		return g.built(depth - 1)
	}
	return "(" + g.value(depth-1) + " | " + g.value(depth-1) + ")"
}

func (g sentences) function(depth int) string {
	return g.pick("tonumber", "tostring", "ascii_downcase", "ascii_upcase", "length", "type", `ltrimstr("c")`, "ltrimstr("+g.value(0)+")", "rtrimstr("+g.value(0)+")", "not", "select("+g.condition(depth-1)+")", "empty",
		"nulls", "booleans", "numbers", "strings", "arrays", "objects", "iterables", "scalars", "values")
}

// built makes an object, an array or a string.
func (g sentences) built(depth int) string {
	switch g.choose(4) {
	case 0:
		return "[" + g.pick("", g.list(depth), g.list(depth)) + "]"
	case 1:
		return `"` + g.pick("", "x/", "é") + `\(` + g.value(depth) + `)` + g.pick("", " ", `\(`+g.value(depth)+`)\n`) + `"`
	}
	var b strings.Builder
	b.WriteString("{")
	for i := range g.choose(4) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(g.pick("a", "class", "machine", `"b"`, `"é\n"`, "$s", "$n", "o", "n: "+g.value(depth), `"b": `+g.value(depth), "a: "+g.value(depth), `("k"): `+g.value(depth)))
	}
	return b.String() + "}"
}

func (g sentences) list(depth int) string {
	return g.pick(g.value(depth), g.value(depth)+", "+g.value(0), g.literal()+", "+g.value(depth)+", "+g.value(0), `"a", $l[], .a`)
}

func (g sentences) condition(depth int) string {
	if depth <= 0 {
		return g.value(0) + g.pick(" == ", " != ", " < ", " <= ", " > ", " >= ") + g.value(0)
	}
	switch g.choose(10) {
	case 8:
		return "IN(" + g.list(depth-1) + "; " + g.list(0) + ")"
	case 0, 1:
		return "(" + g.value(depth-1) + g.pick(" == ", " != ", " < ", " <= ", " > ", " >= ") + g.value(depth-1) + ")"
	case 2:
		return "(" + g.condition(depth-1) + g.pick(" and ", " or ") + g.condition(depth-1) + ")"
	case 3:
		return "(" + g.condition(depth-1) + " | not)"
	case 4:
		return "(" + g.value(depth-1) + " | " + g.pick("startswith", "endswith", "contains", "inside") + "(" + g.value(0) + "))"
	case 5:
		return "(" + g.value(depth-1) + " | test(" + g.pick(`"^c"`, `"A"; "i"`, `"."; "m"`, `"é"`, `"^$"`, `"a"; null`, "$s") + "))"
	case 6:
		return "(" + g.value(depth-1) + " | " + g.pick(`has("a")`, `has("x")`, "has($s)", "IN("+g.list(0)+")", "IN($l[])", "in($o)", `in({"a":1,"call":2})`) + ")"
	case 7:
		return g.pick("any", "all") + "(" + g.list(depth-1) + "; " + g.condition(depth-1) + ")"
	}
	return g.pick("(select("+g.condition(depth-1)+") | "+g.condition(depth-1)+")", "(["+g.list(depth-1)+"] | "+g.pick("any", "all", "any("+g.condition(depth-1)+")", "all("+g.value(0)+")")+")")
}

// other makes an expression that mostly only gojq knows, with everything that
// may or may not look at the event as a whole.
func (g sentences) other(depth int) string {
	if depth <= 0 {
		return g.native()
	}
	next := func() string { return g.other(depth - 1) }
	small := func() string { return g.pick(g.value(1), "("+next()+")") }
	switch g.choose(22) {
	case 0:
		return small() + " as $x | " + next() + g.pick("", " | [., $x]")
	case 1:
		return small() + " as " + g.pick("[$x]", "{a: $x}", `{$a, "b": $x}`, `{("o"): {x: $x}}`, "[$x] ?// $x", "{(.class): $x}") + " | " + g.pick("$x", next())
	case 2:
		return "(" + next() + "), " + next()
	case 3:
		return small() + g.pick(" + ", " - ", " * ", " == ", " < ") + small()
	case 4:
		return g.pick("try ("+next()+")", "try ("+next()+") catch .", "try error("+small()+") catch .", "("+next()+")?", "error("+small()+")", "error", "try error catch .a")
	case 5:
		return "reduce " + g.pick(small(), ".[]?", "(.a, .b)") + " as $x (" + small() + "; " + g.pick(". + $x?", "[., $x]", ".a?", next()) + ")"
	case 6:
		return "foreach (" + next() + ") as $x (" + small() + "; [., $x]" + g.pick("", "; ["+next()+", $x]") + ")"
	case 7:
		return "def f" + g.pick("", "(g)", "($g)") + ": " + next() + "; " + next() + g.pick("", " | f?", " | f(.a)?")
	case 8:
		return small() + " | " + g.pick("keys", "to_entries", "length", "tojson", "@json", "..", ".[]?", "paths", "map(.)?", "map_values(.)?", "del(.a)", "add?", "tostring", `@base64 "\(.)"`, "@text", "error?", "first", "last?", "min?", "getpath([\"a\"])?", `has("a")`, "has(.a)?", "ascii?", "flatten?", ".[0:1]?", ".[.a]?", ".[\"b\"]", "$__loc__", "recurse", "recurse(.a?; . != null)", "with_entries(.)", "walk(.)", "type", "splits(\"a\")?", "test(.a)?", "test(\"(\")", "sub(\"a\"; .)?", "gsub($s; \"\\(.)\")?", "limit(1; .)", "isempty(.[]?)")
	case 9:
		return "label $l | (" + next() + ", " + g.pick("break $l", "(select(.a) | break $l)") + ", " + small() + ")"
	case 10:
		return g.pick("first", "last", "isempty", "[limit(2; .a, .b)] | first", "select", "map", "path", "del", "paths", "IN", "any", "all", "min_by", "with_entries", "add") + "(" + next() + ")"
	case 11:
		return g.pick("limit(2; ", "skip(1; ", "nth(0; ", "limit(-1; ", "any(.a, .b; ", "all(.[]?; ", "IN(.a; ", `setpath(["a"]; `, "[limit(5; range(3))] | IN(1; ") + next() + ")"
	case 12:
		return g.pick(".a", ".", ".b.x", ".[]?", ".o") + g.pick(" = ", " |= ", " += ", " //= ") + small()
	case 13:
		return "{(" + next() + "): " + small() + "}"
	case 14:
		return "{" + g.pick(`"\(.class)"`, `"a\(.b)": .a`, "a: "+small(), `"é": (`+next()+")") + "}"
	case 15:
		return "[" + next() + "]" + g.pick("", "[0]", "[]?", "[1:]", ".[0]?", "[.a]?")
	case 16:
		return g.pick("@json ", "@base64 ", "@text ", "@csv ", "@sh ", "") + `"x\(` + next() + `)"`
	case 17:
		return "if " + next() + " then " + next() + g.pick("", " else "+next()) + " end"
	case 18:
		return "(" + next() + ")" + g.pick(".a", ".a?", "[]?", `["b"]?`, "[.class]?", `."\(.class)"?`, "[0]?", "[:1]?", "?", ".a.b", "|.a")
	case 19:
		return "-(" + next() + ")"
	case 20:
		return "(" + next() + ") // (" + next() + ")"
	}
	return next() + " | " + next()
}

func (g sentences) json(depth int) string {
	if depth > 0 && g.choose(3) == 0 {
		return `{"x":` + g.json(depth-1) + g.pick("", `,"y":1`, `,"b":"a"`, `,"x":2`, `,"\u0062":null`) + `}`
	}
	return g.pick(`"call"`, `"start"`, `"a"`, `""`, `"\u00e9\n"`, `"\u0063all"`, `"Call"`, `"1"`, `"1.5"`, `"-2"`, `"-0"`, `"007"`, `"1e2"`, `"."`, `"-"`, `"\ud800"`, `"\u007f\/\b\"\\"`, "\"\x7f€\"", "1", "2", "1.0", "1e0", "-1", "-0", "0", "1.5", "1E400", "-1e400", "1e-400",
		"9007199254740993", "9007199254740992.0", "9223372036854775807", "9223372036854775808", "123456789012345678901234567890", `"123456789012345678901234567890"`, "null", "true", "false", "[]", "[1]", `[ "a" , [1.0,"call"],{"x":"]"}]`, `["\u0061",2]`, `[{"x":1,"y":[]}]`, "{}", `{"y":[1]}`, `{ "b" : 1, "a" : [ "\u0041" ] }`)
}

func (g sentences) event() string {
	var b strings.Builder
	b.WriteString("{")
	for i := range g.choose(7) {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(g.pick(`"class"`, `"event"`, `"machine"`, `"timestamp"`, `"a"`, `"b"`, `"o"`, `"n"`, `"s"`, `"\u0061"`, `"x"`) + ":" + g.json(2))
	}
	return b.String() + "}"
}
