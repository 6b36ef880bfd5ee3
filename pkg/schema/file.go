package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// Version is the version of the format that [Schema.Encode] writes.
const Version = 1

// formatName is the format that a file names.
const formatName = "enswitch-events schema"

// MaxFile is the size of the largest file that is read, in bytes.
const MaxFile = 128 << 20

// ErrNewer is the error of a file of a later version than [Version].
var ErrNewer = errors.New("written by a newer version of the program")

// ErrBusy is the error of a file that others kept locked for 10 s.
var ErrBusy = errors.New("other programs are writing it all the time")

// DamagedError is the error of bytes that are no schema.
type DamagedError struct {
	// Reason says what is wrong, in lower case and without a line break.
	Reason string
	// Foreign says that it is no schema, rather than a damaged one.
	Foreign bool
}

func (e *DamagedError) Error() string {
	if e.Foreign {
		return "not a schema: " + e.Reason
	}
	return "damaged: " + e.Reason
}

// The file is one JSON object.
type fileSchema struct {
	Format     string                `json:"format"`
	Version    int                   `json:"version"`
	Events     int64                 `json:"events"` // for readers of the file
	Left       *Left                 `json:"left_out,omitempty"`
	Calls      int64                 `json:"calls,omitempty"`
	Legs       int64                 `json:"legs,omitempty"`
	Span       int64                 `json:"calls_span_us,omitempty"`
	CallFields map[string]*callField `json:"call_fields,omitempty"`
	Kinds      []*fileKind           `json:"kinds"`
}

type fileKind struct {
	Class  string                `json:"class"`
	Event  string                `json:"event"`
	Count  int64                 `json:"count"`
	Fields map[string]*fileField `json:"fields,omitempty"`
	Steps  *Steps                `json:"steps,omitempty"`
}

type fileField struct {
	Count    int64                 `json:"count"`
	Types    map[string]int64      `json:"types"`
	Patterns []string              `json:"patterns,omitempty"`
	Texts    bool                  `json:"texts,omitempty"` // patterns are of texts, if there are none
	Values   []string              `json:"values,omitempty"`
	Many     bool                  `json:"many,omitempty"`
	Examples []string              `json:"examples,omitempty"`
	Members  map[string]*fileField `json:"members,omitempty"`
	Elements *fileField            `json:"elements,omitempty"`
}

// Encode writes s to w as JSON, with names and values sorted.
func (s *Schema) Encode(w io.Writer) error {
	f := &fileSchema{Format: formatName, Version: Version, Events: s.Events(), Calls: s.calls, Legs: s.legs, Span: s.span, CallFields: s.callFields, Kinds: []*fileKind{}}
	if s.left != (Left{}) {
		f.Left = &s.left
	}
	for _, k := range s.Kinds() {
		f.Kinds = append(f.Kinds, &fileKind{Class: k.Class, Event: k.Event, Count: k.Root.Count, Fields: toFile(k.Root).Members, Steps: k.Steps})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(f)
}

func toFile(f *Field) *fileField {
	o := &fileField{Count: f.Count, Types: map[string]int64{}, Values: f.Values, Many: f.Many, Examples: f.Examples}
	for k, n := range f.Types {
		if n > 0 {
			o.Types[event.Kind(k).String()] = n
		}
	}
	if o.Texts = f.patterns != allPatterns; o.Texts {
		for i, p := range known {
			if f.patterns&(1<<i) != 0 {
				o.Patterns = append(o.Patterns, p.name)
			}
		}
	}
	for name, m := range f.Members {
		if o.Members == nil {
			o.Members = map[string]*fileField{}
		}
		o.Members[name] = toFile(m)
	}
	if f.Elements != nil {
		o.Elements = toFile(f.Elements)
	}
	return o
}

// Decode reads a schema as Encode writes it. The error is a [*DamagedError], [ErrNewer], or
// one of r.
func Decode(r io.Reader) (*Schema, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, err
	}
	switch {
	case len(text) > MaxFile:
		return nil, &DamagedError{"longer than any schema", true}
	case len(bytes.TrimSpace(text)) == 0:
		return nil, &DamagedError{"it is empty", false}
	}
	var head struct {
		Format  *string `json:"format"`
		Version int     `json:"version"`
	}
	err = json.Unmarshal(text, &head)
	ours := bytes.Contains(text[:min(len(text), 200)], []byte(formatName))
	switch {
	case !ours && err != nil:
		return nil, &DamagedError{"it is no JSON object of a schema", true}
	case err != nil:
		return nil, &DamagedError{reason(err), false}
	case head.Format == nil || *head.Format != formatName:
		return nil, &DamagedError{"it is JSON of something else", true}
	case head.Version > Version:
		return nil, fmt.Errorf("%w: it has version %d, and this one reads up to %d", ErrNewer, head.Version, Version)
	case head.Version < 1:
		return nil, &DamagedError{"it has no version", false}
	}
	var f fileSchema
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, &DamagedError{reason(err), false}
	}
	s, err := fromFile(&f)
	if err != nil {
		return nil, &DamagedError{err.Error(), false}
	}
	return s, nil
}

// reason says in a few words what is wrong with JSON.
func reason(err error) string {
	if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
		if strings.Contains(bad.Error(), "unexpected end") {
			return fmt.Sprintf("it is cut off at byte %d", bad.Offset)
		}
		return fmt.Sprintf("%s at byte %d", bad, bad.Offset)
	}
	if bad, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("%s at byte %d: it cannot be a %s", bad.Field, bad.Offset, bad.Value)
	}
	return strings.ReplaceAll(err.Error(), "\n", " ")
}

func fromFile(f *fileSchema) (*Schema, error) {
	s := &Schema{calls: f.Calls, legs: f.Legs, span: f.Span}
	if f.Left != nil {
		s.left = *f.Left
	}
	if s.calls < 0 || s.legs < 0 || s.span < 0 || min(s.left.Events, s.left.Fields, s.left.Long, s.left.Deep) < 0 {
		return nil, errors.New("a count is negative")
	}
	for name, c := range f.CallFields {
		if c == nil || min(c.Calls, c.Numbers, c.Same, c.Early, c.Different, c.Digits) < 0 {
			return nil, errors.New("call_fields are not as they should be")
		}
		s.addCallField(name, c)
	}
	for _, k := range f.Kinds {
		if k == nil || k.Count < 1 {
			return nil, errors.New("an event has no count")
		}
		n := Name{k.Class, k.Event}
		if s.kinds[n] != nil {
			return nil, fmt.Errorf("%q is there twice", n)
		}
		own := s.kind(n)
		if own == nil {
			return nil, errors.New("it has too many events, or too long names")
		}
		own.Root.Count = k.Count
		own.Root.Types[event.Object] = k.Count
		if err := s.members(own.Root, k.Fields, 1); err != nil {
			return nil, err
		}
		if t := k.Steps; t != nil {
			if min(t.Calls, t.Legs, t.First, t.Last, t.Wait) < 0 || len(t.Next) > maxNext {
				return nil, errors.New("steps are not as they should be")
			}
			own.Steps = t
		}
	}
	return s, nil
}

func (s *Schema) members(f *Field, all map[string]*fileField, depth int) error {
	for name, m := range all {
		if len(name) > maxName {
			return errors.New("the name of a field is too long")
		}
		own := s.member(f, name)
		if err := s.fill(own, m, depth); err != nil {
			return err
		}
	}
	return nil
}

// fill sets f, which is nil if there is no room for it, to o.
func (s *Schema) fill(f *Field, o *fileField, depth int) error {
	switch {
	case f == nil || depth > maxDepth+1:
		return errors.New("it has too many fields")
	case o == nil || o.Count < 0 || len(o.Values) > maxValues || len(o.Examples) > maxExamples || o.Many && len(o.Values) > 0:
		return errors.New("a field is not as it should be")
	}
	f.Count, f.Many = o.Count, o.Many
	var sum int64
	for name, n := range o.Types {
		k := typeNamed(name)
		if k == event.Absent || n < 1 {
			return fmt.Errorf("%q is no type with a count", name)
		}
		f.Types[k] = n
		sum += n
	}
	if sum != o.Count {
		return errors.New("the counts of a field do not add up")
	}
	if o.Texts || len(o.Patterns) > 0 {
		f.patterns = 0
		for _, name := range o.Patterns {
			for i, p := range known {
				if p.name == name {
					f.patterns |= 1 << i
				}
			}
		}
	}
	f.Values, f.Examples = o.Values, o.Examples
	slices.Sort(f.Values)
	slices.Sort(f.Examples)
	f.Values, f.Examples = slices.Compact(f.Values), slices.Compact(f.Examples)
	if o.Elements != nil {
		if err := s.fill(s.elements(f), o.Elements, depth+1); err != nil {
			return err
		}
	}
	return s.members(f, o.Members, depth+1)
}

// Read reads the schema in a file. The error wraps those of the system and of [Decode], and
// begins with the name of the file.
func Read(name string) (*Schema, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := Decode(f)
	if err != nil {
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			return nil, oserr.File(err)
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// open opens a file for reading, but no directory.
func open(name string) (*os.File, error) {
	st, err := os.Stat(name)
	if err == nil && st.IsDir() {
		return nil, fmt.Errorf("%s: %w", name, syscall.EISDIR)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, oserr.File(err)
	}
	return f, nil
}

// typeNamed returns the JSON type of that name, Absent if there is none.
func typeNamed(name string) event.Kind {
	for k := event.Null; k <= event.Object; k++ {
		if k.String() == name {
			return k
		}
	}
	return event.Absent
}
