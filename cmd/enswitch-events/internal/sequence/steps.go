package sequence

import (
	"errors"
	"strings"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// compileSteps returns a filter for each step of a sequence.
func compileSteps(text string) ([]*filter.Filter, error) {
	var steps []*filter.Filter
	at := 0
	for part := range strings.SplitSeq(text, ">") {
		name := strings.TrimSpace(part)
		offset := at + strings.Index(part, name)
		bad := func(n int, reason string) error {
			return &caret.Error{Flag: "--sequence", Text: text, Offset: offset + n, Reason: reason}
		}
		if name == "" {
			return nil, bad(len(part), "a step is missing here")
		}
		if n := strings.LastIndexByte(name, '-'); n >= 0 && n == len(name)-1 && at+len(part) < len(text) {
			return nil, bad(n, "steps have a > between them, without a dash")
		}
		n := 0
		for item := range strings.SplitSeq(name, ",") {
			trimmed := strings.TrimSpace(item)
			if space := strings.IndexAny(trimmed, " \t\n"); space >= 0 {
				return nil, bad(n+strings.Index(item, trimmed)+space, "a > or a comma is missing here")
			}
			n += len(item) + 1
		}
		f, err := filter.Compile(&filter.Options{Event: []string{name}})
		if e, ok := errors.AsType[*filter.SyntaxError](err); ok {
			return nil, bad(e.Offset, e.Reason)
		}
		if err != nil {
			return nil, err
		}
		steps = append(steps, f)
		at += len(part) + 1
	}
	return steps, nil
}
