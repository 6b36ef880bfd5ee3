package pseudonym

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// Pseudonyms says which fields have originals, and has the key. It is safe for concurrent
// use.
type Pseudonyms struct {
	key             []byte
	events, records names
	asked           []string
	seen            []atomic.Bool // of asked
	anyRole         atomic.Bool   // an event had a field of from or to
}

// fieldKind is what becomes of the values of a field.
type fieldKind uint8

const (
	other    fieldKind = iota // what is known to be an original in them is replaced
	original                  // they are made up
	fixed                     // their numbers are replaced: class, event, and what an event is found by
	id                        // as other, but for ids of the vendor's form, such as 1234567890.100000
	kept                      // nothing: times and counts
)

// names are the kinds of fields by name.
type names struct {
	kinds  map[string]fieldKind
	asked  map[string]int // numbers in Pseudonyms.asked
	dotted bool           // a name reaches into an object
}

// New returns the Pseudonyms for the fields that m gives the roles from and to, in events of
// any class, and for the fields with the names in asked, which may have dots to reach into
// objects.
func New(key []byte, m *call.Map, asked []string) *Pseudonyms {
	p := &Pseudonyms{key: key, asked: asked, seen: make([]atomic.Bool, len(asked))}
	roles := slices.Concat(m.Fields(call.From), m.Fields(call.To))
	p.events = newNames(roles, asked, map[string]fieldKind{
		"class": fixed, "event": fixed, "machine": fixed, "timestamp": kept,
		"callid": id, "uniqueid": id, "asteriskid": id,
	})
	inRecord := []string{"from", "to"}
	for _, name := range asked {
		switch {
		case slices.Contains(m.Fields(call.Customer), name):
			inRecord = append(inRecord, "customer")
		case slices.Contains(m.Fields(call.Cause), name):
			inRecord = append(inRecord, "cause")
		}
		switch name {
		case "callid":
			inRecord = append(inRecord, "callid", "callids")
		case "uniqueid":
			inRecord = append(inRecord, "uniqueids")
		case "machine":
			inRecord = append(inRecord, "machines")
		}
	}
	p.records = newNames(inRecord, nil, map[string]fieldKind{"callid": id, "callids": id, "uniqueids": id, "machines": fixed})
	for _, name := range call.Fields() {
		if _, known := p.records.kinds[name]; !known && name != "customer" && name != "cause" {
			p.records.kinds[name] = kept
		}
	}
	return p
}

func newNames(roles, asked []string, kinds map[string]fieldKind) names {
	n := names{kinds: kinds, asked: map[string]int{}}
	for _, name := range slices.Concat(roles, asked) {
		n.kinds[name] = original
		n.dotted = n.dotted || strings.Contains(name, ".")
	}
	for i, name := range asked {
		n.asked[name] = i
	}
	return n
}

// Events returns a Rewriter of events.
func (p *Pseudonyms) Events() *Rewriter { return p.rewriter(&p.events) }

// Records returns a Rewriter of records of calls.
func (p *Pseudonyms) Records() *Rewriter { return p.rewriter(&p.records) }

func (p *Pseudonyms) rewriter(n *names) *Rewriter {
	return &Rewriter{p: p, names: n, maker: NewMaker(p.key), found: &known{}}
}

// RecordsWith returns a Rewriter of records that shares the collected originals with another
// one, of the same goroutine.
func (p *Pseudonyms) RecordsWith(other *Rewriter) *Rewriter {
	r := p.Records()
	r.found = other.found
	return r
}

// Unseen returns which of the fields that were asked for no event had, and whether no event
// had a field of from or to either.
func (p *Pseudonyms) Unseen() (asked []string, noRole bool) {
	for i, name := range p.asked {
		if !p.seen[i].Load() {
			asked = append(asked, name)
		}
	}
	return asked, !p.anyRole.Load()
}

// see notes that an event has the field of that name, which has originals.
func (p *Pseudonyms) see(n *names, name []byte) {
	i, ok := n.asked[string(name)]
	switch {
	case ok:
		if !p.seen[i].Load() { // a store would take the line from the other processors
			p.seen[i].Store(true)
		}
	case !p.anyRole.Load():
		p.anyRole.Store(true)
	}
}
