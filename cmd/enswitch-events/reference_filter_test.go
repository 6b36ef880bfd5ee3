//go:build unix

package main

import (
	"iter"
	"math/big"
	"regexp"
	"strings"
	"sync"

	"github.com/itchyny/gojq"
)

// keeps reports whether the filters other than --jq keep an event.
func (c *catCase) keeps(r *record) bool {
	class, hasClass := field(r.fields, "class")
	event, hasEvent := field(r.fields, "event")
	return listKeeps(c.class, func(item string) bool {
		return hasClass && glob(item, words(class))
	}) && listKeeps(c.event, func(item string) bool {
		left, right, dotted := strings.Cut(item, ".")
		return hasEvent && glob(item, words(event)) ||
			dotted && hasClass && hasEvent && glob(left, words(class)) && glob(right, words(event))
	}) && !fails(c.where, r)
}

// listKeeps: no !item matches, and one of the others does if there are any.
func listKeeps(lists []string, matches func(item string) bool) bool {
	wanted, found := false, false
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			if out, ok := strings.CutPrefix(item, "!"); ok {
				if matches(out) {
					return false
				}
				continue
			}
			wanted = true
			found = found || matches(item)
		}
	}
	return found || !wanted
}

func glob(pattern, text string) bool {
	expr := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`)
	return compiled(`(?s)^(?:` + expr + `)$`).MatchString(text)
}

// compiled is regexp.MustCompile that remembers.
var compiled = remember(regexp.MustCompile)

// remember returns compile with a memory of its results, which any goroutine may
// call.
func remember[T any](compile func(string) T) func(string) T {
	var known sync.Map
	return func(text string) T {
		if v, ok := known.Load(text); ok {
			return v.(T)
		}
		v := compile(text)
		known.Store(text, v)
		return v
	}
}

var condition = regexp.MustCompile(`^([^!=~<>]+)(!=|!~|<=|>=|=|~|<|>)(.*)$`)

// fails reports whether one of the conditions of --where does not hold.
func fails(where []string, r *record) bool {
	for _, expr := range where {
		m := condition.FindStringSubmatch(expr)
		value, ok := field(r.fields, m[1])
		if !holds(m[2], m[3], value, ok) {
			return true
		}
	}
	return false
}

func holds(op, want string, value []byte, present bool) bool {
	if !present {
		return op[0] == '!'
	}
	text := words(value)
	switch op {
	case "=":
		return text == want
	case "!=":
		return text != want
	case "~":
		return compiled(want).MatchString(text)
	case "!~":
		return !compiled(want).MatchString(text)
	}
	left, ok := decimal(text)
	right, ok2 := decimal(want)
	if !ok || !ok2 {
		return false
	}
	order := left.Cmp(right)
	return order < 0 && op[0] == '<' || order > 0 && op[0] == '>' || order == 0 && len(op) == 2
}

var decimalText = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$`)

func decimal(text string) (*big.Rat, bool) {
	if !decimalText.MatchString(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// jqCode is a compiled expression.
var jqCode = remember(func(expr string) *gojq.Code {
	query, err := gojq.Parse(expr)
	if err != nil {
		panic(expr + ": " + err.Error())
	}
	code, err := gojq.Compile(query)
	if err != nil {
		panic(expr + ": " + err.Error())
	}
	return code
})

// runJQ yields what an expression makes of an event. An error is the last.
func runJQ(expr string, r *record) iter.Seq[any] {
	return func(yield func(any) bool) {
		results := jqCode(expr).Run(r.value)
		for {
			v, ok := results.Next()
			if !ok || !yield(v) {
				return
			}
			if _, failed := v.(error); failed {
				return
			}
		}
	}
}
