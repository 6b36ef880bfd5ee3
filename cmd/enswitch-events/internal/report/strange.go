package report

import (
	"bytes"
	"regexp"
)

// stranges are lines of files that other programs made, and what makes events of
// them.
var stranges = [...]struct {
	line *regexp.Regexp
	try  string
}{
	{regexp.MustCompile(`^(\x1b\[[0-9;]*m)*[<>] ?\{`), "this looks like the output of wscat: sed 's/^[^{]*//' FILE | enswitch-events cat"},
	{regexp.MustCompile(`^\s*\[\s*(\{|$)`), "this looks like one JSON array: jq -c '.[]' FILE | enswitch-events cat"},
	{regexp.MustCompile(`^\s*(\{|\{?\s*"[^"]*"\s*:.*[,{\[]|[}\]],?)\s*$`), "this looks like JSON over several lines: jq -c . FILE | enswitch-events cat"},
	{regexp.MustCompile(`^[^{"]+\{\s*".*\}\s*$`), "this looks like a log with the event behind other text: sed 's/^[^{]*//' FILE | enswitch-events cat"},
	{regexp.MustCompile(`^"?[A-Za-z_]+"?([,;\t]"?[A-Za-z_]+"?)+\s*$`), "this looks like a table: mlr --icsv --ojsonl cat FILE | enswitch-events cat"},
}

// strange says what a line looks like that is no event, and what to do, or nothing.
func strange(line []byte) string {
	if bytes.Contains(line, []byte("}\r{")) {
		return "its lines end with a carriage return alone: tr '\\r' '\\n' < FILE | enswitch-events cat"
	}
	for _, s := range stranges {
		if s.line.Match(line) {
			return s.try
		}
	}
	return ""
}
