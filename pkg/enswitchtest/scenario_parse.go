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
	// MaxScenario is how long the text of a scenario may be, in bytes.
	MaxScenario = 1 << 20

	maxFlows  = 100
	maxSteps  = 1000 // of a flow, with all that happens otherwise
	maxNested = 10   // otherwise in otherwise
	maxFields = 100
	maxValues = 1000
	maxAfter  = 24 * time.Hour
	maxWeight = 1_000_000
	maxLegs   = 100
)

// ScenarioError is what is wrong with a scenario, and where.
type ScenarioError struct {
	Line   int // from 1; 0 where no line is at fault
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
//	  - name: answered            # to tell the flows apart
//	    weight: 3                 # how often, beside the others; 1 if left out
//	    class: call               # of all steps that name no other; call if left out
//	    fields:                   # of all events of the flow
//	      from: ["+441632960001", "+441632960123"]   # one of these, for each run
//	    steps:
//	      - event: start
//	      - event: answer
//	        after: 2s..8s         # the step before, or 300ms; 0s if left out
//	        leg: 1                # of the call; 0, the caller's, if left out
//	        fields: {phone: desk-101}
//	        odds: 20              # in a hundred, the flow does not go on here
//	        otherwise:            # but with these steps, and ends with them
//	          - {event: end, after: 20s, fields: {cause: noanswer}}
//	      - event: end
//	        after: 10s..2m
//	      - raw: '{"cut'          # no event: these bytes, as they stand
//
// Every event gets class, event, machine and timestamp, those of class call get
// asteriskid, callid and uniqueid, too; fields cannot set these. Values are
// strings, numbers, true, false and null; quote what shall be a string. Fields
// are sent in alphabetical order.
//
// Unknown and repeated keys, anchors and aliases are refused, and so is more
// than 100 flows, 1,000 steps in a flow, 100 fields in one place, 1,000 values
// of one field, a delay of a day, and 1 MiB of text. What is wrong is a
// [*ScenarioError].
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

// yamlError takes the line out of an error of the parser.
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
	inherited := s.class // by what happens otherwise
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
		return fault(n, "%s is no use beside raw", own)
	case s.raw == nil && s.event == "":
		return fault(n, "event is missing")
	case s.odds > 0 && s.otherwise == nil, s.odds == 0 && s.otherwise != nil:
		return fault(n, "odds and otherwise go together")
	}
	return nil
}

// key is a key that a mapping may have and what takes its value.
type key struct {
	name string
	take func(*yaml.Node) error
}

// keys reads a mapping, the keys in the order of known.
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
			if err := k.take(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// mapping returns the values of a mapping by their keys.
func mapping(n *yaml.Node) (map[string]*yaml.Node, error) {
	if n.Kind != yaml.MappingNode || n.Anchor != "" {
		return nil, fault(n, "keys with values wanted, not %s", kindOf(n))
	}
	values := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case k.Kind != yaml.ScalarNode || k.Anchor != "" || k.Tag == "!!merge":
			return nil, fault(k, "a plain key wanted")
		case values[k.Value] != nil:
			return nil, fault(k, "the key %q is there twice", k.Value)
		}
		values[k.Value] = n.Content[i+1]
	}
	return values, nil
}

// items reads a list that is not empty.
func items(n *yaml.Node, what string, most int, take func(*yaml.Node) error) error {
	switch {
	case n.Kind != yaml.SequenceNode || n.Anchor != "":
		return fault(n, "a list of %s wanted, not %s", what, kindOf(n))
	case len(n.Content) == 0:
		return fault(n, "a list of %s without any", what)
	case len(n.Content) > most:
		return fault(n, "more than %d %s", most, what)
	}
	for _, c := range n.Content {
		if err := take(c); err != nil {
			return err
		}
	}
	return nil
}

// kindOf is what a node is, in words.
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
		return fault(n, "a text wanted, not %s", kindOf(n))
	}
	*to = n.Value
	return nil
}

func number(n *yaml.Node, low, high int, to *int) error {
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || err != nil || v < low || v > high {
		return fault(n, "a number from %d to %d wanted, not %s", low, high, kindOf(n))
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

// scalarJSON is a value as JSON: a number as it is written where JSON can have
// it, any other text as a string.
func scalarJSON(n *yaml.Node) ([]byte, error) {
	if n.Kind != yaml.ScalarNode || n.Anchor != "" {
		return nil, fault(n, "a value, or a list of values, wanted, not %s", kindOf(n))
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
