package flags

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

// A flag typed on the command line that can have no effect there is refused: who
// typed it expects something of it. One from the environment or a profile, which
// are for every command, is left out.

// effect is what flags need to have an effect.
type effect struct {
	Flags string // with blanks between them
	works func(*given) bool
	why   string // they have none
	hint  string // what to do instead
}

// Effects are the rules. Where a value is itself wrong they do not apply: that is
// said elsewhere.
var Effects = []effect{ //nolint:gochecknoglobals // a table that nothing changes
	{"raw-output", (*given).query, "it prints the strings that --jq makes, and there is none", "add --jq EXPR"},
	{"raw-output", func(g *given) bool { return !g.formats("csv", "tsv") }, "csv and tsv have no quotes of JSON", "leave it out"},
	{"raw-output", func(g *given) bool { return !g.has("meta") }, "--meta prints JSON", "leave out one of them"},
	{"ignore-case", func(g *given) bool { return g.has("grep") || g.has("not-grep") }, "it is for --grep and --not-grep", "add -g REGEXP"},
	{"arg argjson jq-engine", (*given).expression, "there is no jq expression", "--jq EXPR, --jq-file FILE, --until EXPR and --fail-if EXPR are one"},
	{
		"time timezone", func(g *given) bool {
			return g.formats("line") || g.formats("csv", "tsv") && slices.Contains(g.list("fields"), "timestamp") ||
				g.formats("template") && usesTime.MatchString(g.text("template"))
		},
		"only the format line, the function time of a template, and the column timestamp of csv and tsv show a time by it", "add -o line: other formats have the timestamp as it came",
	},
	{"timezone", func(g *given) bool {
		return g.text("time") == "" || slices.Contains([]string{"local", "rfc3339"}, g.text("time"))
	}, "the times shown are of no zone, or of UTC", "leave out --time, or use -t local or -t rfc3339"},
	{"no-header", func(g *given) bool { return g.formats("csv", "tsv") }, "only csv and tsv have a header", "add -o csv --fields timestamp,class,event,callid"},
	{
		"highlight", func(g *given) bool { return !g.formats("json", "ndjson", "csv", "tsv") },
		"it marks with colour, and this format has none", "add -o line, and --color always for a pipe",
	},
	{"highlight", func(g *given) bool { return g.colour }, "it marks with colour, and there is none here", "add --color always"},
	{"csv-safe", func(g *given) bool { return g.formats("csv", "tsv") }, "it is for the formats csv and tsv", "add -o csv --fields timestamp,class,event,callid"},
	{"fields", func(g *given) bool { return !g.formats("json") }, "json prints events exactly as received and cannot pick fields", "use --output ndjson with --fields"},
	{"fields", func(g *given) bool { return !g.formats("template") }, "a template picks its own fields", "name them in the template"},
	{"template", func(g *given) bool { return g.formats("template") }, "another format is asked for", "leave out --output, or use -o template"},
	{"meta", func(g *given) bool { return g.formats("json", "ndjson", "pretty") }, "it wraps JSON, and this format is none", "use -o json, ndjson or pretty"},

	{"record-max-size record-max-age record-keep", needs("record"), "nothing is recorded", "add --record FILE"},
	{"exec-shell exec-parallel exec-timeout", needs("exec"), "no command is run", "add --exec CMD"},
	{"same", needs("sequence"), "it is for --sequence", "add --sequence STEPS, or choose one event by --where"},

	{
		"authkey authkey-file insecure ca cert key proxy header connect-timeout no-reconnect retries retry",
		func(g *given) bool { return !g.has("demo") }, "--demo connects to nothing", "leave out one of them",
	},
	{
		"insecure ca cert key proxy header connect-timeout ping-interval max-silence no-reconnect retries retry max-message",
		(*given).websocket, "--listen without an ADDRESS takes POSTs alone", "name the ADDRESS, too",
	},
	{"insecure ca cert key", (*given).tls, "no address is wss:// or https://, so there is no certificate", "write the address as wss://HOST, or leave it out"},

	{
		"path no-auth allow tls-cert tls-key tls-self-signed max-body forwarded-header trust-proxy number-field",
		func(g *given) bool { return g.flags.Lookup("listen") == nil || g.has("listen") }, "no POSTs are taken", "add --listen PORT",
	},

	{"shape-period shape-peak", func(g *given) bool { return g.text("shape") != "constant" }, "the load is constant", "add --shape ramp, burst or storm"},
	{"slow-post", needs("post"), "nothing is POSTed", "add --post URL"},
}

// rivals are flags of which only one can have an effect. Of two that are typed
// the command says so; one that is typed counts more than one that is not.
var rivals = [][2]string{ //nolint:gochecknoglobals // a table that nothing changes
	{"quiet", "verbose"},
	{"jq", "jq-file"},
	{"template", "output"},
	{"retries", "no-reconnect"},
	{"insecure", "ca"},
	{"tls-self-signed", "tls-cert"},
	{"tls-self-signed", "tls-key"},
}

// usesTime finds the function time in a template. A field of that name will do.
var usesTime = regexp.MustCompile(`\btime\b`)

func needs(flag string) func(*given) bool {
	return func(g *given) bool { return g.has(flag) }
}

// given is what a command was given.
type given struct {
	a      *cli.App
	flags  *pflag.FlagSet
	args   []string
	format string // of the output, as it comes out
	colour bool   // the output has some
}

// has reports whether a flag has been given a value, by whatever way.
func (g *given) has(name string) bool {
	f := g.flags.Lookup(name)
	return f != nil && f.Changed && !off(f) && f.Value.String() != ""
}

// off reports whether f is a switch that is off.
func off(f *pflag.Flag) bool { return f.Value.Type() == "bool" && f.Value.String() == "false" }

func (g *given) text(name string) string {
	if f := g.flags.Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

// list returns the items of a flag that has several.
func (g *given) list(name string) []string {
	if f := g.flags.Lookup(name); f != nil {
		if v, ok := f.Value.(pflag.SliceValue); ok {
			return v.GetSlice()
		}
	}
	return nil
}

func (g *given) formats(names ...string) bool { return slices.Contains(names, g.format) }

func (g *given) query() bool { return g.has("jq") || g.has("jq-file") }

func (g *given) expression() bool { return g.query() || g.has("until") || g.has("fail-if") }

// websocket reports whether there is a connection to a websocket. max-message is of
// captures, too.
func (g *given) websocket() bool {
	return !g.has("listen") || g.has("demo") || len(g.args) > 0 || len(SettingAddresses(g.a)) > 0
}

// tls reports whether a certificate is looked at: of a server, or of a proxy.
func (g *given) tls() bool {
	list := g.args
	if len(list) == 0 {
		list = DefaultAddresses(g.a)
	}
	for _, s := range list {
		addr, err := messaged.ParseAddress(s)
		if err != nil || addr.URL.Scheme == "wss" {
			return true
		}
	}
	proxies := []string{g.text("proxy"), os.Getenv("HTTP_PROXY"), os.Getenv("http_proxy")}
	return slices.ContainsFunc(proxies, func(p string) bool { return strings.HasPrefix(strings.ToLower(p), "https:") })
}

// CheckEffects applies the rules to the flags of cmd. The error is about the first that
// was typed for nothing; what is wrong with a value is more urgent.
func CheckEffects(a *cli.App, cmd *cobra.Command, args []string, origin settings.Origin) error {
	g := &given{a: a, flags: cmd.Flags(), args: args}
	typed := func(name string) bool { return origin[name] == "flag" }
	for _, pair := range rivals {
		for i, name := range pair {
			if other := pair[1-i]; typed(name) && g.has(other) && !typed(other) {
				unset(g.flags.Lookup(other))
			}
		}
	}
	if known := g.output(); !known {
		return nil
	}
	var first error
	for _, e := range Effects {
		for name := range strings.FieldsSeq(e.Flags) {
			f := g.flags.Lookup(name)
			if f == nil || !f.Changed || off(f) || e.works(g) {
				continue
			}
			if !typed(name) {
				unset(f)
			} else if first == nil {
				first = cli.Usage(e.hint, "%s has no effect here: %s", spelled(f), e.why)
			}
		}
	}
	return first
}

// output finds out what the output is. It reports false for one that is not
// known.
func (g *given) output() bool {
	if g.flags.Lookup("output") == nil {
		return true
	}
	tty := cli.Terminal(g.a.Out) != nil
	g.format = outputFormat(g.text("output"), g.text("template"), tty, g.has("meta"))
	profile, err := render.ColorProfile(g.text("color"), tty, os.Environ())
	g.colour = profile > colorprofile.ASCII
	return err == nil && slices.Contains(render.Formats(), g.format)
}

// spelled is a flag as it is written.
func spelled(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "--" + f.Name + " (-" + f.Shorthand + ")"
	}
	return "--" + f.Name
}

// unset gives a flag its default again.
func unset(f *pflag.Flag) {
	switch v := f.Value.(type) {
	case pflag.SliceValue:
		_ = v.Replace(nil)
	case templateText:
		*v.text = "" // which Set refuses
	default:
		_ = v.Set(f.DefValue) // which it had
	}
	f.Changed = false
}
