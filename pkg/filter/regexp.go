package filter

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
)

// CompileRegexp compiles a regular expression as the conditions ~ and !~ do, in the
// syntax of package regexp. Unlike there, a + before a digit that has nothing to repeat
// is the sign itself, as in +44. If the expression is wrong, the error is a
// [*SyntaxError] that says where and, for syntax that other languages have and Go lacks,
// what to write instead.
func CompileRegexp(expr string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(literalPlus(expr))
	if err != nil {
		at, reason := regexpFault(expr, err)
		return nil, &SyntaxError{Option: "Regexp", Text: expr, Offset: at, Reason: reason}
	}
	return re, nil
}

// regexpFault returns the place and the reason of an error of package regexp.
func regexpFault(expr string, err error) (at int, reason string) {
	e, ok := errors.AsType[*syntax.Error](err)
	if !ok {
		return 0, "bad regular expression: " + err.Error()
	}
	reason = string(e.Code)
	switch part := e.Expr; {
	case strings.HasPrefix(part, "(?=") || strings.HasPrefix(part, "(?!") || strings.HasPrefix(part, "(?<"):
		reason = "the regular expressions of Go (RE2) have no look-ahead and no look-behind: use a condition for each part, one of them negated"
	case e.Code == syntax.ErrInvalidEscape && len(part) == 2 && '1' <= part[1] && part[1] <= '9':
		reason = "the regular expressions of Go (RE2) have no back references"
	case e.Code == syntax.ErrMissingRepeatArgument:
		reason = fmt.Sprintf(`there is nothing before the %s to repeat: for the sign itself write \%[1]s`, part)
	}
	return max(0, strings.LastIndex(expr, e.Expr)), "bad regular expression: " + reason
}

// jqRegexpFault returns the place and the reason of what is wrong in a regular expression of
// jq. A + without anything to repeat, as in ^+44, is wrong in jq, also where Go takes it.
func jqRegexpFault(text string) (at int, reason string) {
	_, err := regexp.Compile(text)
	if literal := literalPlus(text); err == nil && literal != text {
		for at < len(text) && text[at] == literal[at] {
			at++
		}
		err = &syntax.Error{Code: syntax.ErrMissingRepeatArgument, Expr: "+"}
		_, reason = regexpFault(text, err)
	} else if err != nil {
		at, reason = regexpFault(text, err)
	}
	// In a string of jq a backslash is written twice.
	return at, strings.Replace(reason, `for the sign itself write \`, `for the sign itself write \\`, 1)
}

// constantRegexpFault finds a literal in a jq expression that is a wrong regular
// expression or has wrong flags, so that the jq expression would fail on every event.
func constantRegexpFault(expr string, ast *gojq.Query, variables []string) (at int, reason string) {
	w := walk(ast, variables)
	if w.defines { // the functions may have these names
		return 0, ""
	}
	for _, f := range w.calls {
		flags := 1 // index of the argument with the flags
		switch f.Name {
		case "sub", "gsub":
			flags = 2
		case "split":
			if len(f.Args) < 2 { // it splits by a text
				continue
			}
		case "test", "match", "capture", "scan", "splits":
		default:
			continue
		}
		if len(f.Args) > flags {
			if text, ok := literal(f.Args[flags]); ok && strings.Trim(text, "gim") != "" {
				return max(0, strings.LastIndex(expr, strconv.Quote(text))),
					"of jq's flags only g, i and m (a dot matches line breaks) are known here, and not x, n, s, p and l"
			}
		}
		if len(f.Args) == 0 {
			continue
		}
		text, ok := literal(f.Args[0])
		if !ok {
			continue
		}
		if inside, reason := jqRegexpFault(text); reason != "" {
			if at := strings.Index(expr, `"`+text+`"`); at >= 0 {
				return at + 1 + inside, reason
			}
			if at := strings.Index(expr, text); at >= 0 { // the string has an escape before it
				return at + inside, reason
			}
			return max(0, strings.Index(expr, f.Name)), reason
		}
	}
	return 0, ""
}
