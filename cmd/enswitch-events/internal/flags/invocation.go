package flags

import (
	"os"
	"slices"
	"strings"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

// invocation is a command with its flags and arguments.
type invocation struct {
	a      *cli.App
	flags  *pflag.FlagSet
	use    string // of the command: its name and arguments
	args   []string
	format string // of the output; the default depends on stdout
	colour bool   // the output has colours
}

// has reports whether a flag has a value, wherever it came from.
func (v *invocation) has(name string) bool {
	f := v.flags.Lookup(name)
	return f != nil && f.Changed && !off(f) && f.Value.String() != ""
}

// off reports whether f is a boolean flag that is false.
func off(f *pflag.Flag) bool { return f.Value.Type() == "bool" && f.Value.String() == "false" }

func (v *invocation) text(name string) string {
	if f := v.flags.Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

// list returns the items of a flag whose value is a list.
func (v *invocation) list(name string) []string {
	if f := v.flags.Lookup(name); f != nil {
		if l, ok := f.Value.(pflag.SliceValue); ok {
			return l.GetSlice()
		}
	}
	return nil
}

// timeColumn reports whether csv and tsv have a column of times.
func (v *invocation) timeColumn() bool {
	columns := v.list("fields")
	if v.flags.Lookup("having") == nil { // events
		return slices.Contains(columns, "timestamp")
	}
	return len(columns) == 0 || slices.ContainsFunc(columns, func(name string) bool {
		return slices.Contains([]string{"start", "ring", "answer", "end"}, name)
	})
}

// hasTarget reports whether a target of forward begins with one of these.
func (v *invocation) hasTarget(schemes ...string) bool {
	f := v.flags.Lookup("to")
	if f == nil {
		return false
	}
	list, _ := f.Value.(pflag.SliceValue)
	return list != nil && slices.ContainsFunc(list.GetSlice(), func(to string) bool {
		return slices.ContainsFunc(schemes, func(s string) bool { return strings.HasPrefix(strings.ToLower(to), s) })
	})
}

// addresses returns the arguments that are addresses: in trace WHAT [ADDRESS…] not the
// first one.
func (v *invocation) addresses() []string {
	before, _, ok := strings.Cut(v.use, " [ADDRESS")
	if others := strings.Count(before, " "); ok && len(v.args) > others {
		return v.args[others:]
	}
	return nil
}

// rotates reports whether a recording begins new files.
func (v *invocation) rotates() bool {
	return v.has("record-max-size") || v.has("record-max-age") || strings.Contains(strings.ReplaceAll(v.text("record"), "%%", ""), "%")
}

func (v *invocation) formats(names ...string) bool { return slices.Contains(names, v.format) }

func (v *invocation) hasQuery() bool { return v.has("jq") || v.has("jq-file") }

// counts reports whether the command is stats.
func (v *invocation) counts() bool { return v.flags.Lookup("by") != nil }

// filters reports whether there is a filter.
func (v *invocation) filters() bool {
	return v.hasQuery() || v.has("sequence") || slices.ContainsFunc([]string{"class", "event", "where", "grep", "not-grep"}, v.has)
}

// followsCalls reports whether the command follows calls, always or because of a flag.
func (v *invocation) followsCalls() bool {
	if v.counts() {
		by := v.list("by")
		return len(by) == 0 || slices.ContainsFunc(by, func(field string) bool { return field != "class" && field != "event" })
	}
	return v.flags.Lookup("whole-calls") == nil || v.has("whole-calls") || v.text("same") == "call"
}

func (v *invocation) hasExpression() bool { return v.hasQuery() || v.has("until") || v.has("fail-if") }

// endless reports whether the run has no end of its own: captures have one unless they
// are followed. The hidden --follow of live commands does nothing.
func (v *invocation) endless() bool {
	f := v.flags.Lookup("follow")
	return f == nil || f.Hidden || v.has("follow")
}

// readsWebsocket reports whether the command connects to a websocket, or has no flag
// --listen and so no choice.
func (v *invocation) readsWebsocket() bool {
	return !v.has("listen") || v.has("demo") || len(v.addresses()) > 0 || len(ConfiguredAddresses(v.a)) > 0
}

// sources returns the addresses of a live run, including the configured ones.
func (v *invocation) sources() []string {
	list := v.addresses()
	switch {
	case v.flags.Lookup("listen") == nil, v.has("read"), v.has("demo"), len(list) > 0:
		return list
	case v.has("listen"):
		return ConfiguredAddresses(v.a)
	}
	return DefaultAddresses(v.a)
}

// readsStream reports whether an address names a stream.
func (v *invocation) readsStream() bool { return slices.ContainsFunc(v.sources(), IsStream) }

// readsOther reports whether there is a source that is no stream.
func (v *invocation) readsOther() bool {
	return v.has("listen") || slices.ContainsFunc(v.sources(), func(s string) bool { return !IsStream(s) })
}

// checksCertificate reports whether a connection checks a certificate, of a server or
// of a proxy.
func (v *invocation) checksCertificate() bool {
	list := v.addresses()
	if len(list) == 0 {
		list = DefaultAddresses(v.a)
	}
	for _, s := range list {
		addr, err := messaged.ParseAddress(s)
		if err != nil || addr.URL.Scheme == "wss" {
			return true
		}
	}
	proxies := []string{v.text("proxy"), os.Getenv("HTTP_PROXY"), os.Getenv("http_proxy")}
	return slices.ContainsFunc(proxies, func(p string) bool { return strings.HasPrefix(strings.ToLower(p), "https:") })
}

// resolveOutput sets the format and colour of the output. It returns false if a value
// is unknown.
func (v *invocation) resolveOutput() bool {
	if v.flags.Lookup("output") == nil {
		return true
	}
	tty := cli.Terminal(v.a.Out) != nil
	v.format = outputFormat(v.text("output"), v.text("template"), tty, v.has("meta"))
	profile, err := render.ColorProfile(v.text("color"), tty, os.Environ())
	v.colour = profile > colorprofile.ASCII
	return err == nil
}
