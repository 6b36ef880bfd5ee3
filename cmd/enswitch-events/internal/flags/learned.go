package flags

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/tally"
	"github.com/enswitch-events/enswitch-events/pkg/schema"
)

// Names are the names that were learned, sorted.
type Names struct {
	Classes, Events, Kinds []string // Kinds as class.event
	Fields                 []string // dotted ones too
	values                 map[string][]string
}

// LearnedNames returns the names in the file of the profile in use: none if it cannot be
// read.
func LearnedNames(a *cli.App) *Names {
	var file Schema
	path, err := file.Path(a)
	if err != nil {
		return &Names{}
	}
	s, err := schema.Read(path)
	if err != nil {
		return &Names{}
	}
	return Learned(s)
}

// Learned returns the names in s.
func Learned(s *schema.Schema) *Names {
	n := &Names{values: map[string][]string{}}
	for _, k := range s.Kinds() {
		n.Classes = append(n.Classes, k.Class)
		n.Events = append(n.Events, k.Event)
		n.Kinds = append(n.Kinds, k.String())
		k.Root.Walk(func(path []string, _, f *schema.Field) {
			if slices.Contains(path, "[]") || slices.Contains(path, schema.AnyName) {
				return // a flag cannot name it
			}
			name := strings.Join(path, ".")
			n.Fields = append(n.Fields, name)
			n.values[name] = append(n.values[name], f.Values...)
		})
	}
	for _, list := range []*[]string{&n.Classes, &n.Events, &n.Kinds, &n.Fields} {
		slices.Sort(*list)
		*list = slices.DeleteFunc(slices.Compact(*list), func(name string) bool { return !typable(name) })
	}
	return n
}

// typable reports whether a shell can complete a name.
func typable(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("\"'`$\\,:=!~<>*", r) })
}

// tallied returns the names for hints.
func (n *Names) tallied() *tally.Names {
	return &tally.Names{Kinds: n.Kinds, Fields: n.Fields}
}

// completer returns completions for what was typed of a value so far.
type completer func(n *Names, typed string) ([]string, cobra.ShellCompDirective)

// completeLearned are the flags that are completed with names that were learned.
var completeLearned = map[string]completer{ //nolint:gochecknoglobals // a table that nothing changes
	"class": func(n *Names, typed string) ([]string, cobra.ShellCompDirective) { return ofList(n.Classes, typed) },
	"event": func(n *Names, typed string) ([]string, cobra.ShellCompDirective) {
		return ofList(append(slices.Clone(n.Events), n.Kinds...), typed)
	},
	"fields": func(n *Names, typed string) ([]string, cobra.ShellCompDirective) { return ofList(n.Fields, typed) },
	"where":  completeWhere,
}

// ofList completes the last item of a list with commas.
func ofList(names []string, typed string) (all []string, _ cobra.ShellCompDirective) {
	before, item := "", typed
	if i := strings.LastIndexByte(typed, ','); i >= 0 {
		before, item = typed[:i+1], typed[i+1:]
	}
	if strings.HasPrefix(item, "!") {
		before, item = before+"!", item[1:]
	}
	for _, name := range names {
		if strings.HasPrefix(name, item) {
			all = append(all, before+name)
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeWhere completes FIELD= and then the values of fields that have few.
func completeWhere(n *Names, typed string) (all []string, _ cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp
	field, value, isValue := strings.Cut(typed, "=")
	if !isValue {
		for _, name := range n.Fields {
			if strings.HasPrefix(name, typed) {
				all = append(all, name+"=")
			}
		}
		return all, directive | cobra.ShellCompDirectiveNoSpace
	}
	values := slices.Clone(n.values[strings.TrimSuffix(field, "!")])
	slices.Sort(values)
	for _, v := range slices.Compact(values) {
		if strings.HasPrefix(v, value) && typable(v) {
			all = append(all, field+"="+v)
		}
	}
	return all, directive
}
