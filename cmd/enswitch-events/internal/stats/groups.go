package stats

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The bounds of what is kept of groups.
const (
	// maxGroups bounds the groups. The last one is for the others.
	maxGroups = 1000
	// maxValue bounds the bytes of a value.
	maxValue = 256
	// maxNames bounds the names that a worker remembers.
	maxNames = 4096
	// maxNameBytes bounds their bytes, as far as blocks before go.
	maxNameBytes = 1 << 20
)

// otherName is the value of the group for all others.
const otherName = "(other)"

// name is the values of the fields to group by, as a worker has seen them.
type name struct {
	values []value
	cut    bool   // a value is cut
	key    string // the same for equal values, however they were written

	// Of the worker: the place in the block's cells, if block is the number of the block
	// and window that of the cell's window.
	block, window int64
	cell          int

	// Of Fold: the number of the group, plus one.
	group int
}

// value is the value of a field; absent if the event has no such field.
type value struct {
	text   string
	absent bool
	cut    bool // it is the beginning of a longer one
}

// newName returns the name for values.
func newName(values []value) *name {
	n := &name{values: values}
	var key []byte
	for _, v := range values {
		n.cut = n.cut || v.cut
		if v.absent {
			key = append(key, 0)
			continue
		}
		key = binary.AppendUvarint(key, uint64(len(v.text))+1)
		key = append(key, v.text...)
	}
	n.key = string(key)
	return n
}

// newValue returns the text of v, or its first bytes.
func newValue(v event.Value) value {
	if len(v.JSON) == 0 || v.Kind == event.Null {
		return value{absent: true}
	}
	text := v.Text()
	cut := len(text) > maxValue
	if cut {
		for text = text[:maxValue]; len(text) > 0 && !utf8.Valid(text); {
			text = text[:len(text)-1]
		}
		text = append(text[:len(text):len(text)], "…"...)
	}
	return value{text: string(text), cut: cut}
}

// groups are the groups by value. It is for one goroutine.
type groups struct {
	byKey map[string]int
	names []*name
	over  int64 // events of groups beyond the bound
	cut   int64 // events of values that are cut
}

func newGroups() groups { return groups{byKey: map[string]int{}} }

// add counts n events of that name, and returns the number of its group.
func (g *groups) add(of *name, n int64) int {
	i := g.number(of)
	if i == maxGroups-1 {
		g.over += n
	}
	if of.cut {
		g.cut += n
	}
	return i
}

// number returns the number of the group of n.
func (g *groups) number(n *name) int {
	if n.group > 0 {
		return n.group - 1
	}
	i, ok := g.byKey[n.key]
	switch {
	case ok:
	case len(g.names) >= maxGroups-1:
		if i = maxGroups - 1; len(g.names) == i {
			values := make([]value, len(n.values))
			for j := range values {
				values[j].text = otherName
			}
			g.names = append(g.names, newName(values))
		}
	default:
		i = len(g.names)
		g.names = append(g.names, n)
		g.byKey[n.key] = i
	}
	n.group = i + 1
	return i
}
