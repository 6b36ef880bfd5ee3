package schemas

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/schema"
)

// Show writes a table of the fields of kinds.
func Show(w io.Writer, kinds []*schema.Kind) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "EVENT\tSEEN\tFIELD\tTYPE\tPRESENT\tPATTERN\tVALUES")
	for _, k := range kinds {
		name, seen := cell(k.String()), humanize.Comma(k.Count())
		if len(k.Root.Members) == 0 {
			fmt.Fprintf(t, "%s\t%s\t-\t-\t-\t-\t-\n", name, seen)
		}
		k.Root.Walk(func(path []string, parent, f *schema.Field) {
			present := "-"
			if last := path[len(path)-1]; last != "[]" && last != schema.AnyName {
				present = strings.ReplaceAll(parent.PresenceText(f), " ", "")
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, seen, cell(schema.PathText(path)), strings.ReplaceAll(f.TypeText(), " or ", "|"), present, cell(pattern(f)), values(f))
		})
	}
	return t.Flush()
}

// pattern returns what the texts of a field have in common.
func pattern(f *schema.Field) string {
	p := f.Pattern()
	if f.Enum() && (p == "word" || p == "text" || p == "") {
		return "enum"
	}
	return p
}

// cell returns a text as a cell of a table.
func cell(text string) string {
	if text == "" {
		return "-"
	}
	return strings.ReplaceAll(safe.String(text), " ", "␣")
}

// values returns the values of a field, or some of them.
func values(f *schema.Field) string {
	list, more := f.Values, f.Many
	if f.Many {
		list = f.Examples
	}
	var shown []string
	for _, v := range list {
		shown = append(shown, string(safe.AppendWord(nil, []byte(v))))
	}
	switch {
	case len(shown) == 0 && more:
		return "(not kept)"
	case len(shown) == 0:
		return "-"
	case more:
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}

// ShowDifferences writes a line for each difference: - for what only the first schema has,
// + for what only the second has, and ~ for what is not the same.
func ShowDifferences(w io.Writer, all []schema.Difference, ndjson bool) error {
	var out bytes.Buffer
	for i := range all {
		d := &all[i]
		if ndjson {
			out.Write(differenceRecord(d))
			out.WriteByte('\n')
			continue
		}
		sign, about := "~", d.Before+" → "+d.After
		switch d.Change {
		case schema.Removed:
			sign, about = "-", d.Before
		case schema.Added:
			sign, about = "+", d.After
		}
		name := safe.String(d.Name.String())
		if d.Path != nil {
			fmt.Fprintf(&out, "%s %s %s: %s\n", sign, name, safe.String(schema.PathText(d.Path)), about)
		} else {
			fmt.Fprintf(&out, "%s %s\n", sign, name)
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// differenceRecord is a line of ndjson.
func differenceRecord(d *schema.Difference) []byte {
	return encode(struct {
		Change string `json:"change"`
		Class  string `json:"class"`
		Event  string `json:"event"`
		Field  string `json:"field,omitempty"`
		Before string `json:"before,omitempty"`
		After  string `json:"after,omitempty"`
	}{d.Change.String(), d.Name.Class, d.Name.Event, schema.PathText(d.Path), d.Before, d.After})
}

// Chosen returns the kinds of s whose names match one of the globs, as call.* or start; all
// without globs. It also returns the first glob that matches none.
func Chosen(s *schema.Schema, globs []string) (kinds []*schema.Kind, none string) {
	if len(globs) == 0 {
		return s.Kinds(), ""
	}
	matches := func(g string, k *schema.Kind) bool {
		glob := event.NewGlob(g)
		if strings.Contains(g, ".") {
			return glob.Match([]byte(k.String()))
		}
		return glob.Match([]byte(k.Class)) || glob.Match([]byte(k.Event))
	}
	found := make([]bool, len(globs))
	for _, k := range s.Kinds() {
		some := false
		for i, g := range globs {
			if matches(g, k) {
				found[i], some = true, true
			}
		}
		if some {
			kinds = append(kinds, k)
		}
	}
	for i, ok := range found {
		if !ok {
			return kinds, globs[i]
		}
	}
	return kinds, ""
}

// ShowSuggestions writes what the events and fields of calls probably mean, with the evidence,
// and a map to paste.
func ShowSuggestions(w io.Writer, s *schema.Schema) error {
	calls, legs, span := s.Calls()
	var out bytes.Buffer
	fmt.Fprintf(&out, "From %s calls with %s legs. These are guesses: nothing is changed.\n\n", humanize.Comma(calls), humanize.Comma(legs))
	if calls < 20 {
		out.WriteString("That is less than 20 calls: learn more of them first.\n\n")
	}
	if span < 10*time.Minute {
		fmt.Fprintf(&out, "They were followed for %v. A call that lasts longer looks as if it had ended: learn\nfor longer than calls last.\n\n", span.Round(time.Second))
	}
	lists := map[string][]string{}
	var order []string
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, g := range s.Suggest() {
		if g.Item == "" {
			fmt.Fprintf(t, "%s\t-\t\t%s\n", g.Meaning, g.Evidence)
			continue
		}
		if lists[g.Meaning] == nil {
			order = append(order, g.Meaning)
		}
		lists[g.Meaning] = append(lists[g.Meaning], g.Item)
		fmt.Fprintf(t, "%s\t%s\tby %s\t%s\n", g.Meaning, safe.String(g.Item), g.By, g.Evidence)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(order) > 0 {
		var flags, keys []string
		for _, meaning := range order {
			item := meaning + "=" + strings.Join(lists[meaning], ",")
			flags = append(flags, "--map "+shellWord(item))
			keys = append(keys, tomlText(item))
		}
		fmt.Fprintf(&out, "\nOn the command line:\n  %s\n\nIn a profile of the configuration file:\n  map = [%s]\n", strings.Join(flags, " "), strings.Join(keys, ", "))
	}
	_, err := w.Write(out.Bytes())
	return err
}

// shellWord returns a text as a word for a shell.
func shellWord(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("=,._-+/:", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(safe.String(s), "'", `'\''`) + "'"
}

// tomlText returns a text as a string of TOML.
func tomlText(s string) string { return string(encode(s)) }
