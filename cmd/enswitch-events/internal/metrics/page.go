package metrics

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Page is what /metrics answers once. Collectors fill it. The name of a metric gets the
// prefix enswitch_events_; its name and help are plain text, of one line. A metric may have
// one label: its name and its value come last, as in
//
//	p.Counter("received_total", "Events received, by source.", 5, "source", "10.0.0.5")
//
// The value of a label may be any bytes. Of several samples with the same label the last
// counts. The zero Page is ready to use, by one goroutine at a time.
type Page struct {
	families map[string]family // by name, without the prefix
}

// family is a metric with its samples.
type family struct {
	help, kind string
	lines      map[string]string // by label
}

// Counter adds a sample of a metric that never falls.
func (p *Page) Counter(name, help string, value float64, label ...string) {
	p.put(name, help, "counter", labels(label...), value)
}

// Gauge adds a sample of a metric that may fall.
func (p *Page) Gauge(name, help string, value float64, label ...string) {
	p.put(name, help, "gauge", labels(label...), value)
}

func (p *Page) put(name, help, kind, label string, value float64) {
	p.family(name, help, kind).lines[label] = line(name, label, value)
}

func (p *Page) family(name, help, kind string) family {
	f, ok := p.families[name]
	if !ok {
		if p.families == nil {
			p.families = map[string]family{}
		}
		f = family{help, kind, map[string]string{}}
		p.families[name] = f
	}
	return f
}

// Text returns the page in the text format of Prometheus, version 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/. It is sorted by name and label.
func (p *Page) Text() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p.families)) {
		f := p.families[name]
		b.WriteString("# HELP " + prefix + name + " " + f.help + "\n# TYPE " + prefix + name + " " + f.kind + "\n")
		for _, label := range slices.Sorted(maps.Keys(f.lines)) {
			b.WriteString(f.lines[label])
		}
	}
	return b.String()
}

// line returns the line of a sample.
func line(name, label string, value float64) string {
	return prefix + name + label + " " + number(value) + "\n"
}

func number(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }

// labels returns names and values of labels as a sample has them, in braces, or "" if there
// are none.
func labels(pairs ...string) string {
	if len(pairs) == 0 {
		return ""
	}
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	var list []string
	for pair := range slices.Chunk(pairs, 2) {
		list = append(list, pair[0]+`="`+escape.Replace(strings.ToValidUTF8(pair[1], "\uFFFD"))+`"`)
	}
	return "{" + strings.Join(list, ",") + "}"
}
