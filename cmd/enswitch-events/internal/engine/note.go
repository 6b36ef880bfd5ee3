package engine

import "github.com/enswitch-events/enswitch-events/pkg/capture"

type noteKind uint8

const (
	noteReject noteKind = iota
	noteDamage
	noteSkip
	noteFailure
)

// note is something to tell when a block's turn has come.
type note struct {
	kind    noteKind
	n       int64 // how often
	at      int   // in the data of the block
	name    string
	excerpt []byte
	size    int
	offset  int64
	failure string // its kind
	err     error
}

// noteOverhead is what a note costs beside its text.
const noteOverhead = 100

// maxReadNotes is how many notes the reading makes of a block before it counts more
// of the same.
const maxReadNotes = 1000

// addRead adds a note of the reading.
func addRead(notes []note, n note) []note {
	if len(notes) >= maxReadNotes {
		// Damage and the line that it cut off take turns.
		for i := len(notes) - 1; i >= len(notes)-2; i-- {
			if notes[i].kind == n.kind {
				notes[i].n++
				return notes
			}
		}
	}
	return append(notes, n)
}

// damage notes what could not be read.
func damage(name string, err error) note {
	n := note{kind: noteDamage, n: 1, name: name, err: err}
	if d, ok := err.(capture.Damage); ok { //nolint:errorlint // it is the reading's own
		n.offset = d.Text
	}
	return n
}

// tell passes on what was found in a piece of b, and what the reading found before
// the place at. It counts what the reading rejected.
func (c *Config) tell(b *Block, found []note, at int) (rejected int64) {
	read := b.readNotes[b.readTold:]
	for len(found) > 0 || len(read) > 0 && read[0].at < at {
		if len(found) > 0 && (len(read) == 0 || found[0].at < read[0].at) {
			c.say(&found[0])
			found = found[1:]
			continue
		}
		if read[0].kind == noteReject {
			rejected += read[0].n
		}
		c.say(&read[0])
		read = read[1:]
		b.readTold++
	}
	return rejected
}

// say passes on a note.
func (c *Config) say(n *note) {
	switch {
	case n.kind == noteReject && c.OnReject != nil:
		c.OnReject(Rejected{n.name, n.excerpt, n.size, n.offset, n.err})
	case n.kind == noteDamage && c.OnDamage != nil:
		for range n.n {
			c.OnDamage(n.err)
		}
	case n.kind == noteSkip && c.OnSkip != nil:
		c.OnSkip(n.name, n.offset)
	case n.kind == noteFailure && c.OnFailure != nil:
		c.OnFailure(n.name, n.failure, n.err.Error())
	}
}
