package report

import (
	"bytes"
	"regexp"
	"sync"
)

type foreignFormat struct {
	line  *regexp.Regexp
	whole bool // line is about the end of the line, too
	hint  string
}

// foreignFormats are formats of other programs: how to recognize a line, and the command
// that converts a file.
var foreignFormats = sync.OnceValue(func() []foreignFormat {
	return []foreignFormat{
		{regexp.MustCompile(`^(\x1b\[[0-9;]*m)*[<>] ?\{`), false, "this looks like the output of wscat: sed 's/^[^{]*//' FILE | enswitch-events cat"},
		{regexp.MustCompile(`^\s*\[\s*(\{|$)`), false, "this looks like one JSON array: jq -c '.[]' FILE | enswitch-events cat"},
		{regexp.MustCompile(`^\s*(\{|\{?\s*"[^"]*"\s*:.*[,{\[]|[}\]],?)\s*$`), true, "this looks like JSON over several lines: jq -c . FILE | enswitch-events cat"},
		{regexp.MustCompile(`^[^{"]+\{\s*".*\}\s*$`), false, "this looks like a log with the event after other text: sed 's/^[^{]*//' FILE | enswitch-events cat"},
		{regexp.MustCompile(`^"?[A-Za-z_]+"?([,;\t]"?[A-Za-z_]+"?)+\s*$`), false, "this looks like a table: mlr --icsv --ojsonl cat FILE | enswitch-events cat"},
	}
})

// foreignFormatHint returns which format a rejected line may have, and how to convert it,
// or "". cut says that line is only the beginning of the line.
func foreignFormatHint(line []byte, cut bool) string {
	if bytes.Contains(line, []byte("}\r{")) {
		return "its lines end with a carriage return alone: tr '\\r' '\\n' < FILE | enswitch-events cat"
	}
	for _, f := range foreignFormats() {
		if !(f.whole && cut) && f.line.Match(line) {
			return f.hint
		}
	}
	return ""
}
