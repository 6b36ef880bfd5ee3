//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// randomFiles makes the captures of a case.
func (c *catCase) randomFiles(d die) {
	n := 1
	if d.chance(3) {
		n += d.IntN(3)
	}
	c.merge = n > 1 && d.chance(2)
	stdin := false
	for i := range n {
		f := capturedFile{name: fmt.Sprintf("f%d", i), chunk: 1 + d.IntN(1<<d.IntN(18))}
		f.kind = d.pick("plain", "plain", "plain", "gzip", "zstd", "fifo", "stdin", "redirect", "missing", "directory")
		switch f.kind {
		case "stdin", "redirect":
			if stdin {
				f.kind = "plain"
				break
			}
			stdin, f.name = true, "-"
		case "missing", "directory":
			if d.chance(2) {
				f.kind = "plain"
			}
		}
		if f.kind == "gzip" || f.kind == "fifo" || f.kind == "stdin" {
			f.packed = f.kind == "gzip" || d.chance(4)
			f.chunk = max(f.chunk, 500)
		}
		f.bom = d.chance(10)
		f.lines = c.randomLines(d)
		c.files = append(c.files, f)
	}
}

// randomLines makes lines that are together a few events long, or about as long
// as the blocks in which the program reads, filters and writes.
func (c *catCase) randomLines(d die) (lines []string) {
	size := 0
	if d.chance(3) {
		size = []int{64 << 10, 128 << 10, 192 << 10, 256 << 10, 512 << 10, 600 << 10}[d.IntN(6)] + d.IntN(7) - 3
	}
	most := d.IntN(40)
	end := d.pick("\n", "\n", "\n", "\r\n")
	odd := 2 + d.IntN(50) // every how many lines there is one that is out of the ordinary
	pad := d.IntN(1 << (1 + d.IntN(9)))
	now := int64(firstTime)
	total := 0
	for i := 0; total < size || i < most; i++ {
		if d.chance(20) {
			end = d.pick("\n", "\r\n")
		}
		now += d.Int64N(aSecond / 10)
		var line string
		if d.chance(odd) {
			line = c.oddLine(d, i, now)
		} else {
			line = d.event(i, now, d.IntN(pad+1))
		}
		if rest := size - total; rest > 40 && rest < 2000 && i >= most {
			line = d.sized(i, rest-len(end)) // to the very byte
		}
		lines = append(lines, line+end)
		total += len(line) + len(end)
	}
	if len(lines) > 0 && d.chance(6) {
		lines[len(lines)-1] = strings.TrimRight(lines[len(lines)-1], "\r\n")
	}
	return lines
}

// sized returns an event of size bytes, 40 or more.
func (d die) sized(n, size int) string {
	line := fmt.Sprintf(`{"class":"call","n":%d,"pad":""}`, n%1000)
	return line[:len(line)-2] + strings.Repeat("p", max(0, size-len(line))) + `"}`
}

// oddLine is one that is broken, to be repaired, blank or about as long as
// --max-message.
func (c *catCase) oddLine(d die, n int, now int64) string {
	switch d.IntN(8) {
	case 0:
		return d.pick(`{`, `not JSON`, `[1]`, `"text"`, `null`, `17`, `{"class":"call"`, `{"class":"call",}`, `{"class":"call"} x`,
			"{\"class\":\x01\"call\"}", `{"class":"call","event":tru}`, `{"n":01}`, `{"a":"\x"}`, "\xff\xff", `{"class":"call" "event":"start"}`)
	case 1:
		e := d.event(n, now, 5)
		return e[:d.IntN(len(e))+1] // perhaps none the less an event
	case 2, 3:
		bad := []string{
			"Andr\xe9", "a\x01b", "tab\there", "\xc3", "x\xff\x00", `Zo\ud83d`, `\ude00b`, `\ud83d\ud83d\ude00`, `\uDe00\uD83d`,
		}
		return strings.Replace(d.event(n, now, 5), `{`, `{"name":"`+bad[d.IntN(len(bad))]+`",`, 1)
	case 4:
		return d.pick("", "", " ", "\t ", " \r")
	case 5:
		if c.maxLine == wholeLine && !d.chance(4) {
			return d.event(n, now, 1000)
		}
		return d.sized(n, min(c.maxLine, 300<<10)+d.IntN(7)-3)
	case 6:
		return " " + strings.ReplaceAll(d.event(n, now, 3), `,"`, " ,\t\r\"") + " "
	default:
		return d.event(n, now, d.IntN(70<<10)*d.IntN(2))
	}
}

// event is one as messaged might send it.
func (d die) event(n int, now int64, pad int) string {
	class := d.pick(`"call"`, `"call"`, `"call"`, `"message"`, `"registration"`, `"\u0063all"`, `"Zo\u00eb"`, `5`, `null`)
	parts := []string{
		`"class":` + class,
		`"event":` + d.pick(`"start"`, `"answer"`, `"end"`, `"st\u0061rt"`, `"a.b"`, `""`),
		fmt.Sprintf(`"timestamp":"%d.%06d"`, now/aSecond, now%aSecond),
		fmt.Sprintf(`"n":%d`, n%1000),
		`"machine":` + d.pick(`1`, `1`, `2`, `"1"`, `"2"`, `1.0`),
		fmt.Sprintf(`"callid":"%d.%d"`, now/aSecond, d.IntN(50)),
	}
	extra := []string{
		`"name":` + d.pick(`"Zoë"`, `"Zo\u00eb"`, `"a \"quoted\" \\ name"`, `"x,y"`, `"\t"`, `"=1+1"`, `"\ud83d\ude00"`, "\"\x7f\"", "\"\u202e\u0085\"", `""`, `"\"q"`),
		`"sub":` + d.pick(`{"x":1}`, `{ "x" : "1", "y":[1, 2] }`, `{}`, `{"class":"call"}`, `7`),
		`"list":` + d.pick(`[1,2]`, `[ ]`, `[{"a":null},"b"]`, `null`),
		`"flag":` + d.pick(`true`, `false`), `"nil":null`, `"a.b":1`, `"a":{"b":2}`,
		`"n":` + d.pick(`1e3`, `-0`, `1.50`, `12345678901234567890`, `"17"`, `7`), // the last n counts
		`"timestamp":` + d.pick(`1700000012.5`, `"soon"`, `null`, `1700000020`, `"1700000030"`, `""`),
		`"cl\u0061ss":"message"`, `"body":"{\"class\":\"call\"}"`, `"uniqueid":"u.1"`, `"asteriskid":"a.1"`,
		`"text":` + quoted(d.pick("start", "answer\n", "call", "söme text", strings.Repeat("long ", 30))),
	}
	for d.chance(2) {
		parts = append(parts, extra[d.IntN(len(extra))])
	}
	if pad > 0 {
		parts = append(parts, `"pad":"`+strings.Repeat("0", pad)+`"`)
	}
	if d.chance(4) {
		d.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	for d.chance(5) {
		parts = parts[:max(1, len(parts)-1)]
	}
	return "{" + strings.Join(parts, d.pick(",", ",", ",", ", ")) + "}"
}

func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}
