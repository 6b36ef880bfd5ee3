package enswitchtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The limits of a scenario.
const (
	// MaxScenario is the largest size of the text of a scenario, in bytes.
	MaxScenario = 1 << 20

	maxFlows  = 100
	maxSteps  = 1000 // of a flow, including otherwise
	maxNested = 10   // otherwise in otherwise
	maxFields = 100
	maxValues = 1000
	maxAfter  = 24 * time.Hour
	maxWeight = 1_000_000
	maxLegs   = 100
)

// ScenarioError is a fault in the text of a scenario.
type ScenarioError struct {
	Line   int // from 1; 0 if the fault is not in one line
	Reason string
}

func (e *ScenarioError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// ParseScenario reads a scenario in YAML:
//
//	flows:
//	  - name: answered            # must be unique
//	    weight: 3                 # how often, compared with the others; default 1
//	    class: call               # of steps without a class; default call
//	    fields:                   # of all events of the flow
//	      from: ["+441632960001", "+441632960123"]   # one of these, for each run
//	    steps:
//	      - event: start
//	      - event: answer
//	        after: 2s..8s         # after the step before; or 300ms; default 0s
//	        leg: 1                # of the call; default 0, the caller's
//	        fields: {phone: desk-101}
//	        odds: 20              # in 20 of 100 runs, instead of this step and the rest
//	        otherwise:            # these steps
//	          - {event: end, after: 20s, fields: {cause: noanswer}}
//	      - event: end
//	        after: 10s..2m
//	      - raw: '{"cut'          # these bytes, unchanged, instead of an event
//
// Every event gets class, event, machine and timestamp; events of the class call also get
// asteriskid, callid and uniqueid. Fields cannot set these. Values are strings, numbers,
// true, false and null; a string that looks like one of the others needs quotes. Fields
// are sent in alphabetical order.
//
// Unknown and repeated keys, anchors and aliases are errors. The limits are 100 flows,
// 1,000 steps in a flow, 100 fields in one place, 1,000 values of a field, a delay of a
// day, and 1 MiB of text. The error is a [*ScenarioError].
func ParseScenario(text []byte) (*Scenario, error) {
	if len(text) > MaxScenario {
		return nil, &ScenarioError{0, fmt.Sprintf("longer than %d bytes", MaxScenario)}
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, &ScenarioError{0, "it is empty"}
	case err != nil:
		return nil, yamlError(err)
	}
	if err := d.Decode(&more); err == nil {
		return nil, fault(&more, "a second document")
	} else if !errors.Is(err, io.EOF) {
		return nil, yamlError(err)
	}
	s := &Scenario{}
	p := scenarioParser{}
	if err := p.scenario(doc.Content[0], s); err != nil {
		return nil, err
	}
	total := 0.0
	for i := range s.flows {
		f := &s.flows[i]
		s.weights += f.weight
		total += float64(f.weight) * events(f.steps)
	}
	s.perArrival = total / float64(s.weights)
	return s, nil
}

// yamlError makes a ScenarioError of an error of the YAML parser.
func yamlError(err error) error {
	reason := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(reason, "line "); ok {
		number, rest, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			return &ScenarioError{n, rest}
		}
	}
	return &ScenarioError{0, reason}
}

func fault(n *yaml.Node, format string, args ...any) error {
	return &ScenarioError{n.Line, fmt.Sprintf(format, args...)}
}

// scenarioParser reads the nodes of a scenario.
type scenarioParser struct {
	steps int // of the flow so far
}

func (p *scenarioParser) scenario(n *yaml.Node, s *Scenario) error {
	names := map[string]bool{}
	flows := func(n *yaml.Node) error {
		return items(n, "flows", maxFlows, func(n *yaml.Node) error {
			f, name := flow{weight: 1}, ""
			if err := p.flow(n, &f, &name); err != nil {
				return err
			}
			if names[name] {
				return fault(n, "a second flow is called %q", name)
			}
			names[name] = true
			s.flows = append(s.flows, f)
			return nil
		})
	}
	return keys(n, []string{"flows"}, []key{{"flows", flows}})
}

func (p *scenarioParser) flow(n *yaml.Node, f *flow, name *string) error {
	class := "call"
	p.steps = 0
	return keys(n, []string{"name", "steps"}, []key{
		{"name", func(n *yaml.Node) error { return text(n, name) }},
		{"weight", func(n *yaml.Node) error { return number(n, 1, maxWeight, &f.weight) }},
		{"class", func(n *yaml.Node) error { return text(n, &class) }},
		{"fields", func(n *yaml.Node) error { return fields(n, &f.fields) }},
		{"steps", func(n *yaml.Node) error { return p.list(n, class, 0, &f.steps) }},
	})
}

func (p *scenarioParser) list(n *yaml.Node, class string, depth int, steps *[]scenarioStep) error {
	if depth > maxNested {
		return fault(n, "otherwise in otherwise, more than %d deep", maxNested)
	}
	return items(n, "steps", maxSteps, func(n *yaml.Node) error {
		if p.steps++; p.steps > maxSteps {
			return fault(n, "more than %d steps in a flow", maxSteps)
		}
		s := scenarioStep{class: class}
		if err := p.step(n, depth, &s); err != nil {
			return err
		}
		*steps = append(*steps, s)
		return nil
	})
}

func (p *scenarioParser) step(n *yaml.Node, depth int, s *scenarioStep) error {
	inherited := s.class // by the steps of otherwise
	own := ""
	err := keys(n, nil, []key{
		{"after", func(n *yaml.Node) error { return after(n, s) }},
		{"leg", func(n *yaml.Node) error { return number(n, 0, maxLegs-1, &s.leg) }},
		{"class", func(n *yaml.Node) error { own = "class"; return text(n, &s.class) }},
		{"event", func(n *yaml.Node) error { return text(n, &s.event) }},
		{"fields", func(n *yaml.Node) error { own = "fields"; return fields(n, &s.fields) }},
		{"raw", func(n *yaml.Node) error {
			var raw string
			err := text(n, &raw)
			s.raw = []byte(raw)
			return err
		}},
		{"odds", func(n *yaml.Node) error { return number(n, 1, 100, &s.odds) }},
		{"otherwise", func(n *yaml.Node) error { return p.list(n, inherited, depth+1, &s.otherwise) }},
	})
	switch {
	case err != nil:
		return err
	case s.raw != nil && s.event != "":
		return fault(n, "event and raw exclude each other")
	case s.raw != nil && own != "":
		return fault(n, "%s has no effect beside raw", own)
	case s.raw == nil && s.event == "":
		return fault(n, "event is missing")
	case s.odds > 0 && s.otherwise == nil, s.odds == 0 && s.otherwise != nil:
		return fault(n, "odds and otherwise go together")
	}
	return nil
}

// key is a key that a mapping may have.
type key struct {
	name string
	read func(value *yaml.Node) error
}

// keys reads a mapping. It reads the values in the order of known.
func keys(n *yaml.Node, required []string, known []key) error {
	values, err := mapping(n)
	if err != nil {
		return err
	}
	for i := 0; i < len(n.Content); i += 2 {
		if k := n.Content[i]; !slices.ContainsFunc(known, func(o key) bool { return o.name == k.Value }) {
			var names []string
			for _, o := range known {
				names = append(names, o.name)
			}
			return fault(k, "unknown key %q: it may be %s", k.Value, strings.Join(names, ", "))
		}
	}
	for _, name := range required {
		if values[name] == nil {
			return fault(n, "%s is missing", name)
		}
	}
	for _, k := range known {
		if v := values[k.name]; v != nil {
			if err := k.read(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// mapping returns the values of a mapping by their keys.
func mapping(n *yaml.Node) (map[string]*yaml.Node, error) {
	if n.Kind != yaml.MappingNode || n.Anchor != "" {
		return nil, fault(n, "want keys with values, not %s", kindOf(n))
	}
	values := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case k.Kind != yaml.ScalarNode || k.Anchor != "" || k.Tag == "!!merge":
			return nil, fault(k, "want a plain key")
		case values[k.Value] != nil:
			return nil, fault(k, "the key %q is there twice", k.Value)
		}
		values[k.Value] = n.Content[i+1]
	}
	return values, nil
}

// items reads a list of one to limit items.
func items(n *yaml.Node, what string, limit int, read func(*yaml.Node) error) error {
	switch {
	case n.Kind != yaml.SequenceNode || n.Anchor != "":
		return fault(n, "want a list of %s, not %s", what, kindOf(n))
	case len(n.Content) == 0:
		return fault(n, "an empty list of %s", what)
	case len(n.Content) > limit:
		return fault(n, "more than %d %s", limit, what)
	}
	for _, c := range n.Content {
		if err := read(c); err != nil {
			return err
		}
	}
	return nil
}

// kindOf says in words what a node is.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Anchor != "":
		return "an anchor"
	case n.Kind == yaml.MappingNode:
		return "keys with values"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	}
	return strconv.Quote(n.Value[:min(len(n.Value), 40)])
}

// text reads a string that is not empty.
func text(n *yaml.Node, to *string) error {
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || n.Tag == "!!null" || n.Value == "" {
		return fault(n, "want a text, not %s", kindOf(n))
	}
	*to = n.Value
	return nil
}

func number(n *yaml.Node, low, high int, to *int) error {
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || err != nil || v < low || v > high {
		return fault(n, "want a number from %d to %d, not %s", low, high, kindOf(n))
	}
	*to = v
	return nil
}

// after reads a delay, fixed or a range.
func after(n *yaml.Node, s *scenarioStep) error {
	from, to, isRange := strings.Cut(n.Value, "..")
	if !isRange {
		to = from
	}
	var errLow, errHigh error
	s.low, errLow = time.ParseDuration(from)
	s.high, errHigh = time.ParseDuration(to)
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || errLow != nil || errHigh != nil || s.low < 0 || s.high < s.low || s.high > maxAfter {
		return fault(n, "a delay is written like 300ms or 2s..8s and is at most %v, not %s", maxAfter, kindOf(n))
	}
	return nil
}

func fields(n *yaml.Node, to *[]scenarioField) error {
	if _, err := mapping(n); err != nil {
		return err
	}
	if len(n.Content)/2 > maxFields {
		return fault(n, "more than %d fields", maxFields)
	}
	for i := 0; i < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch k.Value {
		case "asteriskid", "callid", "class", "event", "machine", "timestamp", "uniqueid":
			return fault(k, "%s is set by the simulator", k.Value)
		}
		f := scenarioField{name: k.Value}
		one := func(n *yaml.Node) error {
			value, err := scalarJSON(n)
			f.values = append(f.values, value)
			return err
		}
		var err error
		if v.Kind == yaml.SequenceNode {
			err = items(v, "values", maxValues, one)
		} else {
			err = one(v)
		}
		if err != nil {
			return err
		}
		*to = append(*to, f)
	}
	return nil
}

// scalarJSON returns a value in JSON: a number that JSON can have unchanged, any other text
// as a string.
func scalarJSON(n *yaml.Node) ([]byte, error) {
	if n.Kind != yaml.ScalarNode || n.Anchor != "" {
		return nil, fault(n, "want a value or a list of values, not %s", kindOf(n))
	}
	switch n.Tag {
	case "!!null":
		return []byte("null"), nil
	case "!!bool":
		return []byte(strings.ToLower(n.Value)), nil
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return []byte(n.Value), nil
		}
	}
	return event.AppendString(nil, []byte(n.Value)), nil
}
