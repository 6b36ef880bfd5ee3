package render

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// received is when the sample events came in.
var received = time.Date(2026, 11, 22, 15, 4, 7, 123456789, time.UTC)

// samples are events of all kinds. But for the documented one, their fields
// and events are illustrative.
var samples = []string{
	`{"asteriskid":"1234567890.1","callid":"1234567890.100000","class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000"}`,
	`{"class":"call","event":"start","timestamp":"1795359845.001200","machine":1,"callid":"1795359845.100001","uniqueid":"1795359845.100001","from":"+4930901820","to":"+442071838750","name":"Anna Schmidt"}`,
	`{"class":"call","event":"route","timestamp":"1795359845.020417","machine":1,"callid":"1795359845.100001","uniqueid":"1795359845.100001","route":"pstn-2","to":"+442071838750"}`,
	`{"class":"call","event":"start","timestamp":"1795359845.300000","machine":12,"callid":"1795359845.100002","uniqueid":"1795359845.100002","from":"201","to":"202"}`,
	`{"class":"call","event":"ring","timestamp":"1795359845.412000","machine":1,"callid":"1795359845.100001","uniqueid":"1795359845.100007","to":"+442071838750"}`,
	`{"class":"call","event":"answer","timestamp":"1795359846.988001","machine":"1","callid":"1795359845.100001","uniqueid":"1795359845.100007","pdd":"0.41"}`,
	`{"class":"message","event":"receive","timestamp":"1795359846.999999","machine":2,"from":"+4915112345678","body":"Komme später, bitte\nnicht warten"}`,
	`{"class":"sip","event":"register","timestamp":"1795359847.000001","machine":2,"user":"c1000x201","contact":"sip:201@192.0.2.17:5060;transport=tls","expires":3600}`,
	`{"class":"call","event":"end","timestamp":"1795359847.010000","machine":1,"callid":"1795359845.100001","uniqueid":"1795359845.100001","cause":16,"answered":true,"recording":null}`,
	`{"class":"asterisk","event":"health","timestamp":"1795359847.020000","load":0.42,"channels":1.10e2,"big":12345678901234567890,"zero":-0.0}`,
	`{"class":"call","event":"start","timestamp":"1795359847.030000","machine":3,"callid":"1795359847.100003","name":"花子 山田","city":"München","emoji":"☎️ 👩‍💻"}`,
	`{"class":"call","event":"start","timestamp":"1795359847.040000","machine":3,"callid":"1795359847.100004","name":"\u001b]0;owned\u0007 \u001b[31mred\u001b[0m"}`,
	`{"class":"call","event":"start","timestamp":"1795359847.050000","machine":3,"callid":"1795359847.100005","name":"pay ` + "\u202e" + `0001 ecilA` + "\u2069 \u200b\ufeff\U000e0041" + `","c1":"` + "\u009b31m\u0085" + `","del":"` + "\x7f" + `"}`,
	"{\"class\":\"call\",\"event\":\"start\",\"timestamp\":\"1795359847.060000\",\"machine\":3,\"callid\":\"1795359847.100006\",\"name\":\"Andr\xe9\"}",
	"{\"class\":\"call\",\"event\":\"start\",\"timestamp\":\"1795359847.070000\",\"machine\":3,\"callid\":\"1795359847.100007\",\"name\":\"raw\x1b[2Jescape\r\nand line\"}",
	`{"class":"call","event":"answer","timestamp":"1795359847.080000","machine":4,"callid":"1795359847.100008","caller":{"name":"Bob \"the builder\"","number":"201","tags":["a b", "c"]},"codecs":["opus","alaw"],"empty":{},"none":[]}`,
	`{"class":"call","event":"start","event":"answer","timestamp":"1795359847.090000","machine":4,"callid":"1","callid":"1795359847.100009","note":"first","note":"second"}`,
	`{"cl\u0061ss":"call","event":"st\u0061rt","timestamp":"1795359847.100000","machine":4,"call\u0069d":"1795359847.100009","odd key":"x","a=b":"c=d","":"","quote\"d":"\\"}`,
	`{"event":"start","timestamp":"1795359847.110000","machine":4}`,
	`{"class":"call","timestamp":"1795359847.120000","machine":4}`,
	`{"class":"call","event":"start","machine":4,"callid":"no-timestamp"}`,
	`{"class":"call","event":"start","timestamp":"yesterday","machine":4,"callid":"bad-timestamp"}`,
	`{}`,
	"{ \"class\" : \"call\",\n\t\"event\" : \"start\",\r\n \"timestamp\" : \"1795359847.130000\", \"machine\" : 5, \"list\" : [ 1,\n 2 ] }",
	`{"class":"provisioning","event":"configuration-changed","timestamp":"1795359847.140000","machine":5,"by":"admin"}`,
	`{"class":"message","event":"send","timestamp":"1795359847.150000","machine":5,"body":"` + strings.Repeat("lorem ipsum ", 25) + `","parts":2,"last":"yes"}`,
	`{"class":"message","event":"send","timestamp":"1795359847.160000","machine":5,"token":"` + strings.Repeat("0123456789", 30) + `","parts":2,"last":"yes"}`,
	`{"class":"call","event":"end","timestamp":"1795391999.999999","machine":5,"callid":"1795359845.100002"}`,
	`{"class":"call","event":"end","timestamp":"1795392000.000000","machine":5,"callid":"1795359845.100002"}`,
}

// options fills in what the tests do not care about.
func options(o Options) *Options {
	if o.Location == nil {
		o.Location = time.UTC
	}
	switch o.Format {
	case "csv", "tsv":
		if o.Fields == nil {
			o.Fields = []string{"timestamp", "class", "event", "machine", "callid", "name", "caller.name", "caller", "codecs", "body"}
		}
	case "template":
		if o.Template == "" {
			o.Template = `{{time "" .timestamp}} {{color "bold" (pad 14 .class)}}{{.event | upper}} {{callcolor .callid .callid}} {{.name}} {{.caller.name}} {{json .}}`
		}
	}
	return &o
}

func mustNew(t testing.TB, o Options) *Renderer {
	t.Helper()
	r, err := New(options(o))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustScan(t testing.TB, text string) (*event.Event, *event.Index) {
	t.Helper()
	x := new(event.Index)
	ev := &event.Event{Raw: []byte(text), Received: received, Source: "ws://10.0.0.5:4875"}
	if err := x.Scan(ev.Raw); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return ev, x
}

func renderAll(t testing.TB, r *Renderer) []byte {
	out := r.Header(nil)
	for _, s := range samples {
		ev, x := mustScan(t, s)
		out = r.Event(out, ev, x)
	}
	return out
}

func columnsOf(n int) func() int { return func() int { return n } }

func TestGolden(t *testing.T) {
	tests := map[string]Options{
		"json":           {Format: "json"},
		"json-meta":      {Format: "json", Meta: true},
		"ndjson":         {Format: "ndjson"},
		"ndjson-fields":  {Format: "ndjson", Fields: []string{"callid", "caller.name", "class"}},
		"ndjson-meta":    {Format: "ndjson", Meta: true},
		"pretty":         {Format: "pretty"},
		"pretty-color":   {Format: "pretty", Profile: colorprofile.ANSI256},
		"pretty-meta":    {Format: "pretty", Meta: true, Fields: []string{"callid"}},
		"csv":            {Format: "csv"},
		"csv-safe":       {Format: "csv", SafeCSV: true, Fields: []string{"from", "to", "zero"}},
		"tsv":            {Format: "tsv"},
		"template":       {Format: "template"},
		"template-color": {Format: "template", Profile: colorprofile.ANSI256},
		"line-utc":       {Format: "line", Time: "utc", Location: time.FixedZone("", -3600)},
		"line-rfc3339":   {Format: "line", Time: "rfc3339", Location: time.FixedZone("", -3600)},
		"line-unix":      {Format: "line", Time: "unix"},
		"line-delta":     {Format: "line", Time: "delta"},
		"line-none":      {Format: "line", Time: "none"},
		"line-fields":    {Format: "line", Fields: []string{"timestamp", "name", "caller.name", "class"}},
		"line-highlight": {Format: "line", Profile: colorprofile.ANSI256, Highlight: []string{`(?i)anna|\d{3}$`, `100001 uniqueid`}},
	}
	for _, width := range []int{0, 30, 80, 200} {
		tests[fmt.Sprintf("line-%d", width)] = Options{Format: "line", Width: columnsOf(width)}
		tests[fmt.Sprintf("line-%d-256", width)] = Options{Format: "line", Width: columnsOf(width), Profile: colorprofile.ANSI256}
	}
	tests["line-80-16"] = Options{Format: "line", Width: columnsOf(80), Profile: colorprofile.ANSI}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			got := renderAll(t, mustNew(t, o))
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s: look at it, then run go test -update\ngot:\n%s", file, got)
			}
		})
	}
}
