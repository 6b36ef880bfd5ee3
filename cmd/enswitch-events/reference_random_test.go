//go:build unix

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// catCase is a run of cat.
type catCase struct {
	seed uint64

	class, event, where []string
	jq, engine          string
	until, failIf       string
	count               int64
	strict, merge       bool
	from, to            int64 // microseconds
	maxLine             int
	format, time, color string
	fields              []string
	raw, meta           bool

	files []capturedFile
}

// capturedFile is a file of events.
type capturedFile struct {
	name   string
	kind   string // plain, gzip, zstd, fifo, stdin, redirect, missing or directory
	packed bool   // what a fifo and stdin bring is compressed
	bom    bool
	chunk  int // what is written at once to a fifo, or makes a member
	lines  []string
}

func (f *capturedFile) text() []byte {
	text := strings.Join(f.lines, "")
	if f.bom {
		text = "\ufeff" + text
	}
	return []byte(text)
}

// source is what the program calls the file.
func (f *capturedFile) source() string {
	if f.name == "-" {
		return "stdin"
	}
	return f.name
}

// stored is what is in the file.
func (f *capturedFile) stored() []byte {
	text := f.text()
	if f.kind == "gzip" || f.packed {
		var b bytes.Buffer
		for part := range slices.Chunk(text, f.chunk) { // a member each
			w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
			_, _ = w.Write(part) // to memory
			_ = w.Close()
		}
		return b.Bytes()
	}
	if f.kind == "zstd" {
		w, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		return w.EncodeAll(text, nil)
	}
	return text
}

// args are the arguments of cat.
func (c *catCase) args() []string {
	args := append([]string{"cat"}, c.flags()...)
	for i := range c.files {
		args = append(args, c.files[i].name)
	}
	return args
}

// flags say what becomes of the events.
func (c *catCase) flags() (args []string) {
	flag := func(name, value string) {
		if value != "" {
			args = append(args, "--"+name+"="+value)
		}
	}
	all := func(name string, values []string) {
		for _, v := range values {
			flag(name, v)
		}
	}
	on := func(name string, given bool) {
		if given {
			args = append(args, "--"+name)
		}
	}
	moment := func(usec int64) string {
		if usec == 0 {
			return ""
		}
		return time.UnixMicro(usec).UTC().Format(time.RFC3339Nano)
	}
	all("class", c.class)
	all("event", c.event)
	all("where", c.where)
	flag("jq", c.jq)
	flag("jq-engine", c.engine)
	flag("until", c.until)
	flag("fail-if", c.failIf)
	if c.count > 0 {
		flag("count", fmt.Sprint(c.count))
	}
	on("strict", c.strict)
	on("merge", c.merge)
	flag("since", moment(c.from))
	flag("until-time", moment(c.to))
	if c.maxLine != wholeLine {
		flag("max-message", fmt.Sprint(c.maxLine))
	}
	if c.format != "ndjson" || c.seed%2 == 0 {
		flag("output", c.format) // ndjson is what a pipe gets
	}
	flag("time", c.time)
	flag("color", c.color)
	flag("fields", strings.Join(c.fields, ","))
	on("raw-output", c.raw)
	on("meta", c.meta)
	return args
}

const (
	wholeLine = 16 << 20 // the default of --max-message
	aSecond   = 1_000_000
	firstTime = 1_700_000_000 * aSecond
)

// die throws for one case.
type die struct{ *rand.Rand }

// chance is true once in n times.
func (d die) chance(n int) bool { return d.IntN(n) == 0 }

func (d die) pick(from ...string) string { return from[d.IntN(len(from))] }

// randomCase makes the case of a seed.
func randomCase(seed uint64) *catCase {
	d := die{rand.New(rand.NewPCG(seed, 0))}
	c := &catCase{seed: seed, maxLine: wholeLine}
	if d.chance(4) {
		c.maxLine = 200 + d.IntN(400)
		if d.chance(3) {
			c.maxLine = 64<<10 + d.IntN(3) - 1
		}
	}
	c.randomFilters(d)
	c.randomOutput(d)
	c.randomFiles(d)
	if d.chance(4) {
		c.count = 1 + int64(d.IntN(20))
		if d.chance(2) {
			c.count = 1 + int64(d.IntN(1500))
		}
	}
	return c
}

func (c *catCase) randomFilters(d die) {
	if d.chance(3) {
		c.class = []string{d.pick("call", "!call", "c*l", "call,message", "!registration", "*a*,!message", "Zoë", "nothing", "5")}
	}
	if d.chance(4) {
		c.event = []string{d.pick("start", "call.start", "call.*", "*.answer", "!call.answer", "answer,message.*", "*t", "!*.start", "a.b")}
		if d.chance(4) {
			c.event = append(c.event, d.pick("start", "!end", "x"))
		}
	}
	for d.chance(3) {
		c.where = append(c.where, d.pick("machine=1", "class!=call", "name~Zo", "event!~^a", "n>5", "n<=1e1", "n>=-0.5", "sub.x=1",
			"nosuch!=1", "nosuch=1", "timestamp>=1700000010.5", "flag=true", "nil=null", "list~1", "name=Zoë", "a.b=1", "n<12345678901234567890", "sub.y!~z"))
	}
	if d.chance(2) {
		c.jq = d.expression()
		c.engine = d.pick("", "", "auto", "gojq")
	}
	c.strict = d.chance(3)
	if d.chance(5) {
		c.from = firstTime + d.Int64N(30*aSecond)
	}
	if d.chance(5) {
		c.to = max(c.from, firstTime) + 1 + d.Int64N(60*aSecond)
	}
}

// native are expressions that run on the event's bytes.
var native = []string{
	`.machine == 1`, `.class == "call"`, `.machine == "1"`, `.class == "call" and .event == "start"`, `select(.event == "answer")`,
	`.n > 5`, `.callid`, `.name`, `.sub.x`, `.machine != null`, `.n`, `true`, `false`, `null`, `.`, `.list[0]`, `.nosuch`, `.sub`,
	`.class == "call" or .class == "message"`, `select(.machine == 1) | .callid`, `{callid, event}`, `[.class, .event]`,
}

// expression returns an expression of jq.
func (d die) expression() string {
	if d.chance(2) {
		return native[d.IntN(len(native))]
	}
	if d.chance(10) {
		return d.pick(`if .machine == 1 then error else . end`, `error`)
	}
	return d.pick(`.timestamp | split(".")[0]`, `.n + 1`, `to_entries | length`, `.list[]?`, `.list[]`, `., .`, `.sub | keys`, `range(3)`,
		`if .machine == 1 then error("one") else . end`, `.n.b`, `(.machine == 1), (.class == "call")`, `.name | length`, `del(.pad)`,
		`.name |= ascii_downcase`, `.n, error("x")`, `try error("x") catch .`, `first(.list[]?)`, `select(.sub?.x? == 1)`, `.pad | length`,
		`@json "v\(.n)"`, `tojson`, `.timestamp | tonumber`, `. + {}`, `.name | test("Zo")`, `[.[]] | length`, `.name | ascii_upcase`,
		`error("at \(.n)")`, `{a: .n, b: .sub}`, `select(.class == "call") | .n.b`)
}

func (c *catCase) randomOutput(d die) {
	c.format = d.pick("ndjson", "ndjson", "ndjson", "json", "line", "pretty", "csv", "tsv")
	switch c.format {
	case "csv", "tsv", "line", "pretty", "ndjson":
		if c.format == "csv" || c.format == "tsv" || d.chance(4) {
			all := []string{"timestamp", "class", "event", "callid", "name", "n", "sub", "sub.x", "list", "nil", "machine", "a.b", "pad"}
			d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			c.fields = all[:1+d.IntN(6)]
		}
	}
	switch c.format {
	case "line":
		c.time = d.pick("", "utc", "local", "rfc3339", "unix", "delta", "none")
		c.color = d.pick("never", "always")
	case "json", "ndjson", "pretty":
		c.meta = d.chance(5)
	}
	table := c.format == "csv" || c.format == "tsv"
	c.raw = c.jq != "" && !table && !c.meta && d.chance(3)
	// Until and fail-if are as rare as they should end a run.
	if d.chance(6) {
		c.until = d.pick(`.n == 17`, `.event == "end" and .n > 100`, `.n > 1000`, `.name == "Zoë"`, `.n + 1 > 300`, `.nosuch`)
	}
	if d.chance(8) {
		c.failIf = d.pick(`.n == 29`, `.list[1] == 2 and .n > 900`, `.pad | length > 100`, `.n.b`)
	}
	if c.until == "" && c.failIf == "" && slices.Contains(native, c.jq) && d.chance(4) {
		c.engine = "native" // refuses what only gojq knows
	}
}
