package flags

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// A flag on the command line that cannot have an effect is an error, because the user
// expects one. A flag from the environment or a profile is ignored instead: those
// apply to every command.

// effectRule says when flags have an effect.
type effectRule struct {
	Flags string                 // the names, separated by blanks
	works func(*invocation) bool // reports whether they have an effect
	why   string                 // why they have none
	hint  string                 // what to do instead
}

// EffectRules are the rules for all commands; a command without the flag ignores its
// rule. The tests try each of them.
var EffectRules = []effectRule{ //nolint:gochecknoglobals // a table that nothing changes
	{"raw-output", (*invocation).hasQuery, "it prints the strings that --jq makes, and there is no --jq", "add --jq EXPR"},
	{"raw-output", func(v *invocation) bool { return !v.formats("csv", "tsv") }, "csv and tsv have no quotes of JSON", "leave it out"},
	{"raw-output", func(v *invocation) bool { return !v.has("meta") }, "--meta prints JSON", "leave out one of them"},
	{"raw-output", func(v *invocation) bool { return !v.has("whole-calls") }, "--whole-calls prints events as they came", "leave out one of them"},
	{"whole-calls", (*invocation).filters, "there is no filter, so all events are printed", "add a filter that matches one event of the call, as -w to=1000"},
	{
		"whole-calls", func(v *invocation) bool { return !v.has("sequence") || v.text("same") == "call" },
		"the events of the sequence may be of several calls", "add --same call",
	},
	{"map", func(v *invocation) bool { return v.followsCalls() || v.has("pseudonyms") || v.counts() }, "no calls are followed", "add --whole-calls"},
	{"linger call-timeout", func(v *invocation) bool { return v.followsCalls() || v.counts() }, "no calls are followed", "add --whole-calls"},
	{"map linger call-timeout", func(v *invocation) bool { return !v.counts() || v.followsCalls() }, "with --by class,event no calls are followed", "leave it out, or add a field to --by"},
	{"report-gaps", func(v *invocation) bool { return !v.counts() }, "stats prints no events", "leave it out"},
	{"pseudonym-fields pseudonym-key-file", needs("pseudonyms"), "no values are made up", "add --pseudonyms"},
	{"ignore-case", func(v *invocation) bool { return v.has("grep") || v.has("not-grep") }, "it is for --grep and --not-grep", "add -g REGEXP"},
	{"arg argjson jq-engine", (*invocation).hasExpression, "there is no jq expression", "--jq EXPR, --jq-file FILE, --until EXPR and --fail-if EXPR are one"},
	{
		"time timezone", func(v *invocation) bool {
			return v.formats("line") || v.formats("csv", "tsv") && v.timeColumn() ||
				v.formats("template") && usesTime().MatchString(v.text("template"))
		},
		"only the format line, the function time of a template, and the times in csv and tsv show a time by it", "add -o line: other formats have the timestamp as it came",
	},
	{"ids", func(v *invocation) bool { return v.formats("line") }, "only a line shows ids in several ways", "add -o line"},
	{"timezone", func(v *invocation) bool {
		return v.text("time") == "" || slices.Contains([]string{"local", "rfc3339"}, v.text("time"))
	}, "the times shown are of no zone, or of UTC", "leave out --time, or use -t local or -t rfc3339"},
	{"no-header", func(v *invocation) bool { return v.formats("csv", "tsv") }, "only csv and tsv have a header", "add -o csv --fields timestamp,class,event,callid"},
	{
		"highlight", func(v *invocation) bool { return !v.formats("json", "ndjson", "csv", "tsv") },
		"it marks with colour, and this format has none", "add -o line, and --color always for a pipe",
	},
	{"highlight", func(v *invocation) bool { return v.colour }, "it marks with colour, and the output has no colour", "add --color always"},
	{
		"color", func(v *invocation) bool {
			return v.text("color") != "always" || !v.formats("json", "ndjson", "csv", "tsv")
		},
		"this format has no colours", "add -o line or -o pretty",
	},
	{
		"color", func(v *invocation) bool {
			return v.text("color") != "always" || !v.formats("template") || usesColor().MatchString(v.text("template")) || v.has("highlight")
		},
		"the template has no colours", "use color or callcolor in it, as in {{color \"red\" .event}}, or add -H REGEXP",
	},
	{"csv-safe", func(v *invocation) bool { return !v.counts() || v.formats("csv") }, "it is for the format csv", "add -o csv"},
	{"csv-safe", func(v *invocation) bool { return v.formats("csv", "tsv") }, "it is for the formats csv and tsv", "add -o csv --fields timestamp,class,event,callid"},
	{"fields", func(v *invocation) bool { return !v.formats("json") }, "json prints events exactly as received and cannot pick fields", "use --output ndjson with --fields"},
	{"fields", func(v *invocation) bool { return !v.formats("template") }, "a template picks its own fields", "name them in the template"},
	{"template", func(v *invocation) bool { return v.formats("template") }, "another format is asked for", "leave out --output, or use -o template"},
	{"meta", func(v *invocation) bool { return v.formats("json", "ndjson", "pretty") }, "it wraps JSON, and this format is not JSON", "use -o json, ndjson or pretty"},

	{"report-gaps", func(v *invocation) bool { return v.flags.Lookup("schema") == nil }, "schema prints no events", "leave it out: a gap is named on stderr"},

	{"record-max-size record-max-age record-keep", needs("record"), "nothing is recorded", "add --record FILE"},
	{"record-keep", (*invocation).rotates, "all goes into one file", "add --record-max-size or --record-max-age, or put the time in the name, as %Y-%m-%d.ndjson"},
	{"exec-shell exec-parallel exec-every", needs("exec"), "no command is run", "add --exec CMD"},
	{"exec-timeout", func(v *invocation) bool { return v.has("exec") || v.flags.Lookup("to") != nil }, "no command is run", "add --exec CMD"},
	{"exec-timeout", func(v *invocation) bool { return v.flags.Lookup("to") == nil || v.hasTarget("exec:") }, "no target is exec:", "leave it out"},
	{"exec-by", needs("exec-every"), "commands run for every event", "add --exec-every TIME"},
	{
		"format http-timeout http-header sign-key-file",
		func(v *invocation) bool { return v.flags.Lookup("to") == nil || v.hasTarget("http:", "https:") }, "no target is http:// or https://", "leave it out",
	},
	{"batch batch-wait concurrency", func(v *invocation) bool { return v.flags.Lookup("to") == nil || v.has("to") }, "each queue has the settings of its target", "add --to TARGET"},
	{
		"target-ca target-cert target-key target-insecure",
		func(v *invocation) bool {
			return v.flags.Lookup("to") == nil || v.hasTarget("http:", "https:", "nats:", "tls:")
		}, "no target is http://, https://, nats:// or tls://", "leave it out",
	},
	{
		"batch batch-wait concurrency",
		func(v *invocation) bool {
			return v.flags.Lookup("to") == nil || v.hasTarget("http:", "https:", "file:", "exec:")
		}, "a stream takes up to 1,000 events at a time", "leave it out",
	},
	{
		"nats-creds max-age",
		func(v *invocation) bool { return v.flags.Lookup("to") == nil || v.hasTarget("nats:", "tls:") }, "no target is nats:// or tls://", "leave it out",
	},
	{"same", needs("sequence"), "it is for --sequence", "add --sequence STEPS, or choose one event by --where"},

	{"read", func(v *invocation) bool { return len(v.addresses()) == 0 }, "the events come from an ADDRESS", "leave out one of them"},
	{"since until-time", func(v *invocation) bool { return v.flags.Lookup("read") == nil || v.has("read") }, "live events have no bounds", "add --read FILE"},
	{
		"authkey authkey-file insecure ca cert key proxy header connect-timeout ping-interval max-silence no-reconnect retries retry listen demo buffer spill report-gaps metrics record",
		func(v *invocation) bool { return !v.has("read") }, "--read connects to nothing", "leave out one of them",
	},
	{
		"fail-on-loss", func(v *invocation) bool { return !v.has("read") || strings.HasPrefix(v.use, "forward ") }, "--read connects to nothing", "leave it out",
	},
	{"for idle-timeout timeout", func(v *invocation) bool { return !v.has("read") }, "a capture is read to its end", "leave it out"},
	{
		"authkey authkey-file insecure ca cert key proxy header connect-timeout no-reconnect retries retry",
		func(v *invocation) bool { return !v.has("demo") }, "--demo connects to nothing", "leave out one of them",
	},
	{
		"insecure ca cert key proxy header connect-timeout ping-interval max-silence no-reconnect retries retry max-message",
		(*invocation).readsWebsocket, "--listen without an ADDRESS takes POSTs alone", "name the ADDRESS, too",
	},
	{
		"max-silence no-reconnect retries retry", func(v *invocation) bool { return v.flags.Lookup("wait") == nil },
		"doctor connects once", "leave it out; --wait TIME is how long it waits for an event",
	},
	{"from group partition", (*invocation).readsStream, "no ADDRESS is a stream", "name one as nats://HOST/STREAM"},
	{"from group partition", func(v *invocation) bool { return v.flags.Lookup("wait") == nil }, "doctor looks at the stream as it is", "leave it out"},
	{"ack-wait", needs("group"), "nothing is acknowledged without a group", "add --group NAME"},
	{
		"nats-creds", func(v *invocation) bool { return v.readsStream() || v.hasTarget("nats:", "tls:") },
		"nothing is nats:// or tls://", "leave it out",
	},
	{
		"authkey authkey-file proxy header", func(v *invocation) bool { return !v.readsStream() || v.readsOther() },
		"a stream is read without it", "the user and the password of NATS are in the address, nats://USER:PASSWORD@HOST/STREAM, or in the file of --nats-creds",
	},
	{"insecure ca cert key", (*invocation).checksCertificate, "no address is wss:// or https://, so there is no certificate", "write the address as wss://HOST, or leave it out"},

	{
		"path no-auth allow tls-cert tls-key tls-self-signed max-body forwarded-header trust-proxy number-field",
		func(v *invocation) bool { return v.flags.Lookup("listen") == nil || v.has("listen") }, "no POSTs are taken", "add --listen PORT",
	},

	{"for idle-timeout", (*invocation).endless, "a capture is read to its end", "add --follow, which goes on with what a file gets"},
	{
		"merge", func(v *invocation) bool { return !v.has("follow") },
		"with --follow events come in the order in which they are written", "leave out one of them",
	},

	{"shape-period shape-peak", func(v *invocation) bool { return v.text("shape") != "constant" }, "the load is constant", "add --shape ramp, burst or storm"},
	{"slow-post", needs("post"), "nothing is POSTed", "add --post URL"},
}

// rivals are pairs of flags that exclude each other. A flag on the command line
// overrides the other one if that comes from the environment or a profile. If both are
// on the command line, the command returns an error.
var rivals = [][2]string{ //nolint:gochecknoglobals // a table that nothing changes
	{"quiet", "verbose"},
	{"jq", "jq-file"},
	{"template", "output"},
	{"retries", "no-reconnect"},
	{"insecure", "ca"},
	{"tls-self-signed", "tls-cert"},
	{"tls-self-signed", "tls-key"},
}

// usesTime matches a template that may call the function time, also one that has a
// field of that name.
var usesTime = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\btime\b`) })

// usesColor matches a template that may have a colour: it calls a function for one, or has
// the sequence of a terminal.
var usesColor = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)color|\x1b|\\(x1b|u001b|033)`) })

func needs(flag string) func(*invocation) bool {
	return func(v *invocation) bool { return v.has(flag) }
}

// CheckEffects applies the rules to the flags of cmd. It returns a usage error for the
// first flag on the command line that has no effect, and resets those from elsewhere.
// origin says where each flag came from.
func CheckEffects(a *cli.App, cmd *cobra.Command, args []string, origin settings.Origin) error {
	v := &invocation{a: a, flags: cmd.Flags(), use: cmd.Use, args: args}
	typed := func(name string) bool { return origin[name] == "flag" }
	for _, pair := range rivals {
		for i, name := range pair {
			if other := pair[1-i]; typed(name) && v.has(other) && !typed(other) {
				unset(v.flags.Lookup(other))
			}
		}
	}
	if known := v.resolveOutput(); !known {
		return nil // the command returns an error about the value
	}
	first := emptyValue(cmd.Flags(), typed)
	for _, e := range EffectRules {
		for name := range strings.FieldsSeq(e.Flags) {
			f := v.flags.Lookup(name)
			if f == nil || f.Name != name || !f.Changed || off(f) || e.works(v) {
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

// emptyValue returns a usage error for a flag that was typed with an empty text, as a script
// does whose variable is not set: it is not the same as no flag. An empty --jq is that of jq.
func emptyValue(set *pflag.FlagSet, typed func(name string) bool) (first error) {
	set.VisitAll(func(f *pflag.Flag) {
		if first == nil && typed(f.Name) && f.Value.Type() == "string" && f.Value.String() == "" && f.Name != "jq" {
			first = cli.Usage("leave the flag out, or give it a value", "%s \"\": the value is empty", spelled(f))
		}
	})
	return first
}

// spelled returns how a flag is written on the command line.
func spelled(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "--" + f.Name + " (-" + f.Shorthand + ")"
	}
	return "--" + f.Name
}

// unset resets a flag to its default.
func unset(f *pflag.Flag) {
	switch v := f.Value.(type) {
	case pflag.SliceValue:
		_ = v.Replace(nil)
	case templateText:
		*v.text = "" // Set refuses an empty template
	default:
		_ = v.Set(f.DefValue) // the default is valid
	}
	f.Changed = false
}
