package cli

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Users of stern, kubectl, jq, hl, tcpdump and wscat type commands and flags of those. If it
// is clear what is meant it is done, otherwise the error names the command or flag for it.

// commandsElsewhere are the names of commands in other programs.
var commandsElsewhere = []struct{ typed, here string }{ //nolint:gochecknoglobals // a table that nothing changes
	{"subscribe sub logs log follow watch stream monitor live connect ws websocket wscat events get", "'enswitch-events tail ADDRESS' shows live events"},
	{"read view show print dump open less grep filter jq query", "'enswitch-events cat FILE' reads captures"},
	{"recv receive http webhook post posts", "'enswitch-events listen --port 8080' takes POSTs"},
	{"record save capture write", "'enswitch-events tail ADDRESS --record FILE' keeps what comes"},
	{"serve server mock fake generate emulate sim", "'enswitch-events simulate' is a made-up cluster, 'tail --demo' has one inside"},
	{"play playback", "'enswitch-events replay FILE' plays a capture"},
	{"await until expect sequence", "'enswitch-events wait' waits for events"},
	{"settings setting env profile profiles configure", "'enswitch-events config show' prints the settings in force"},
	{"diagnose diagnosis check ping test health status debug why troubleshoot", "'enswitch-events doctor ADDRESS' finds out why there are no events"},
	{"login auth key authkey", "the key goes into a file: --authkey-file FILE, or ENSWITCH_AUTHKEY"},
	{"commands topics usage man docs", "see 'enswitch-events help'"},
}

// flagsElsewhere are the names of flags in other programs, a single letter without its
// dash, for the commands named or for all. The first that fits counts. A command that has
// such a flag takes it for its own.
var flagsElsewhere = []struct{ commands, typed, here string }{ //nolint:gochecknoglobals // a table that nothing changes
	{"listen simulate replay", "host hostname address addr interface", "--bind ADDRESS is where it listens, --port its port"},
	{"listen simulate replay", "url uri server connect", "--port and --bind say where it listens; 'enswitch-events tail ADDRESS' connects"},
	{"listen simulate replay", "key", "--authkey-file FILE has the key that it asks for"},
	{"tail wait", "p port", "the port is part of the address: HOST:PORT; --listen PORT takes POSTs"},
	{"wait", "n count max-count limit", "it ends with the first event that the filters keep; --sequence waits for several"},
	{"wait", "for duration idle-timeout", "--timeout 30s gives up after that time"},
	{"cat replay", "connect url host hostname server address addr websocket uri", "'enswitch-events tail ADDRESS' shows live events; files are arguments"},
	{"cat", "tail lines last", "pipe it into tail: enswitch-events cat FILE | tail -n 10"},
	{"cat", "sort order", "--merge reads files side by side, in the order of timestamps"},
	{"cat", "head first", "-n 10 ends after ten events"},
	{"simulate", "speed interval", "--rate N sends N events a second"},
	{"", "connect url host hostname server address addr websocket uri", "the address is an argument: enswitch-events tail HOST"},
	{"", "I input file read f infile r", "files are arguments: enswitch-events cat FILE"},
	{"", "tail lines last head first", "the feed has no history: -n 10 ends after ten events, and a capture has the last ones: cat FILE | tail -n 10"},
	{"tail listen wait", "since since-time from", "the feed has no history: --record FILE keeps it, and 'enswitch-events cat FILE --since 10m' reads it"},
	{"tail listen wait", "until-time", "--for 10m ends after that time; 'enswitch-events cat FILE --until-time 15:04' reads a capture"},
	{"", "timeout", "--for 10s ends after that time, --idle-timeout 10s when nothing comes, --connect-timeout 10s gives up connecting"},
	{"", "A all all-namespaces namespace selector l", "every event is shown unless filters drop it; several clusters are several ADDRESSes"},
	{"", "filter select expression expr E query", "-q EXPR is jq's, -w field=value compares a field, -c and -e go by class and event"},
	{"", "exclude hide not invert-match", "-G REGEXP leaves out events with such a value, -c '!registration' a class, -F '!asteriskid' a field"},
	{"", "include search pattern match regex regexp", "-g REGEXP keeps events with such a value, -w 'field~REGEXP' with such a field, -H REGEXP marks and keeps all"},
	{"", "token password passwd api-key apikey secret user auth bearer", "the key goes into a file: --authkey-file FILE, or ENSWITCH_AUTHKEY"},
	{"", "out outfile output-file save write w", "> FILE keeps what is printed, --record FILE every event received"},
	{"", "indent", "-o pretty indents"},
	{"", "csv", "-o csv -F timestamp,class,event,callid prints a table"},
	{"", "tsv", "-o tsv -F timestamp,class,event,callid prints a table"},
	{"", "s slurp", "it prints events one by one: pipe it into jq -s"},
	{"", "timestamps timestamp ts", "-t STYLE shows times, --timezone NAME in another zone; -o line begins with them"},
	{"", "C color-output", "--color always has colours in a pipe, too"},
	{"", "debug trace vv log-level loglevel", "-v says more, -Q nothing but errors"},
	{"", "reconnect", "it reconnects by itself; --retry keeps trying from the first connection on"},
	{"", "no-follow", "'enswitch-events cat FILE' reads what is there; live events go on until Ctrl-C, or --for, or -n"},
	{"", "no-check no-tls-verify skip-verify insecure-skip-verify", "-k does not check the server's certificate"},
	{"", "context", "--profile NAME takes the settings of a profile"},
	{"", "interval rate", "simulate has --rate; live events come when they come"},
	{"", "V", "'enswitch-events version' prints the version"},
}

// aliases are other names of flags, with the same meaning.
var aliases = map[string]string{ //nolint:gochecknoglobals // a table that nothing changes
	"duration": "for", "limit": "count", "max-count": "count",
	"from": "since", "to": "until-time", "until-timestamp": "until-time",
	"colour": "color", "format": "output", "silent": "quiet", "field": "fields",
	"key-file": "authkey-file", "idle": "idle-timeout", "raw": "raw-output", "tz": "timezone",
}

// presets are flags without a value that give another flag one.
var presets = []struct{ typed, flag, value string }{ //nolint:gochecknoglobals // a table that nothing changes
	{"no-color", "color", "never"},
	{"no-colour", "color", "never"},
	{"monochrome-output", "color", "never"},
	{"json", "output", "ndjson"},
	{"jsonl", "output", "ndjson"},
	{"ndjson", "output", "ndjson"},
	{"compact-output", "output", "ndjson"},
	{"pretty", "output", "pretty"},
	{"line", "output", "line"},
	{"utc", "time", "utc"},
}

// preset is the value of such a flag. One that sets nothing is accepted and ignored.
type preset struct {
	flags       *pflag.FlagSet
	flag, value string
}

func (p preset) Set(text string) error {
	if text == "false" || p.flag == "" {
		return nil
	}
	return p.flags.Set(p.flag, p.value)
}

func (p preset) String() string   { return "false" }
func (p preset) Type() string     { return "bool" }
func (p preset) IsBoolFlag() bool { return true }

// TakeHabits lets cmd, a command below the root, take the aliases and presets of its flags. Live
// commands take -f and --follow: they follow anyway.
func TakeHabits(cmd *cobra.Command) {
	set, global := cmd.Flags(), cmd.Root().PersistentFlags()
	hide := func(typed, short string, p preset) {
		if set.Lookup(typed) != nil {
			return
		}
		f := set.VarPF(p, typed, short, "")
		f.Hidden, f.NoOptDefVal = true, "true"
	}
	for _, p := range presets {
		if set.Lookup(p.flag) != nil {
			hide(p.typed, "", preset{set, p.flag, p.value})
		}
	}
	if set.Lookup("listen") != nil || cmd.Name() == "listen" {
		hide("follow", "f", preset{})
	}
	names := map[string]string{}
	for typed, flag := range aliases {
		if set.Lookup(typed) == nil && (set.Lookup(flag) != nil || global.Lookup(flag) != nil) {
			names[typed] = flag
		}
	}
	set.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if flag, ok := names[name]; ok {
			name = flag
		}
		return pflag.NormalizedName(name)
	})
}

// here returns what a flag of another program is called in cmd, or "".
func here(typed string, cmd *cobra.Command) string {
	for _, f := range flagsElsewhere {
		if hasWord(f.typed, typed) && (f.commands == "" || hasWord(f.commands, cmd.Name())) {
			return f.here
		}
	}
	return ""
}

// hasWord reports whether word is one of words, which blanks separate.
func hasWord(words, word string) bool {
	return slices.Contains(strings.Fields(words), word)
}

// commandHere returns what a command of another program is called here, or "". What looks
// like an address or a file is taken for what it is.
func commandHere(typed string) string {
	for _, c := range commandsElsewhere {
		if hasWord(c.typed, strings.ToLower(typed)) {
			return c.here
		}
	}
	if st, err := os.Stat(typed); err == nil && !st.IsDir() {
		return "'enswitch-events cat " + typed + "' reads a capture"
	}
	if strings.ContainsAny(typed, ".:") || typed == "localhost" {
		return "'enswitch-events tail " + typed + "' shows the live events of an address"
	}
	return ""
}
