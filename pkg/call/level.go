package call

import "sort"

// maxChanges bounds the changes of a level that can be taken back.
const maxChanges = 1 << 16

// change is a change of the number of calls that are up, n more at that time. It is taken
// back by an n of 0.
type change struct {
	at, n   int64
	settled bool
}

// level is how many calls of a group are up over time. What is long past is settled: it has
// been added to the Counts of the intervals and can only be corrected roughly.
type level struct {
	changes []*change // that are not settled, by time, of the same time those down first
	up      int64     // up at the time until which all is settled
	at      int64     // that time, in microseconds since 1970
}

// add adds a change. One that comes too late is settled at once: see [Figures.correct].
func (l *level) add(at, n int64) *change {
	c := &change{at: at, n: n}
	if at < l.at {
		l.up += n
		c.settled = true
		return c
	}
	i := len(l.changes)
	if i > 0 && !l.changes[i-1].before(c) {
		i = sort.Search(i, func(i int) bool { return c.before(l.changes[i]) })
	}
	l.changes = append(l.changes, nil)
	copy(l.changes[i+1:], l.changes[i:])
	l.changes[i] = c
	return c
}

// before reports whether c comes before other.
func (c *change) before(other *change) bool {
	return c.at < other.at || c.at == other.at && c.n < other.n
}

// walk calls do for each span of time with how many calls are up in it, from the time until
// which all is settled to the given one: up to the changes before that of before. It returns
// how many are up then, and how many changes there were.
func (l *level) walk(before, to int64, do func(from, to, up int64)) (up int64, changes int) {
	up, at := l.up, l.at
	for changes < len(l.changes) && l.changes[changes].at < before {
		c := l.changes[changes]
		changes++
		if c.n != 0 && c.at > at {
			do(at, c.at, up)
			at = c.at
		}
		up += c.n
	}
	do(at, max(at, to), up)
	return up, changes
}

// settle settles what was before that time.
func (l *level) settle(to int64, do func(from, to, up int64)) {
	if to <= l.at {
		return
	}
	up, n := l.walk(to, to, do)
	for _, c := range l.changes[:n] {
		c.settled = true
	}
	l.changes = append(l.changes[:0], l.changes[n:]...)
	l.up, l.at = up, to
}

// upSpan is from when to when a call is up, nil for not known.
type upSpan struct{ start, end *change }

// settle settles how many calls were up before that time.
func (f *Figures) settle(to int64) {
	for i, g := range f.groups {
		g.level.settle(to, func(from, to, up int64) {
			if up == 0 {
				return
			}
			for j, v := range f.intervals {
				if v.from >= to {
					break
				}
				end := to
				if j+1 < len(f.intervals) {
					end = min(to, f.intervals[j+1].from)
					if every := f.o.Every.Microseconds(); every > 0 { // others may be left out between
						end = min(end, v.from+every)
					}
				}
				if begin := max(from, v.from); begin < end {
					f.countsOf(v, i).span(begin, end, up)
				}
			}
		})
	}
}

// change adds a change of the number of calls that are up in a group.
func (f *Figures) change(g *group, at, n int64) *change {
	c := g.level.add(at, n)
	if c.settled {
		f.correct(g, at, n)
	}
	return c
}

// takeBack takes back a change, nil for none.
func (f *Figures) takeBack(g *group, c *change) {
	switch {
	case c == nil:
	case c.settled:
		g.level.add(g.level.at-1, -c.n)
		f.correct(g, c.at, -c.n)
	default:
		c.n = 0
	}
}

// correct corrects for how long calls were up by a change of a time that is settled, in the
// interval that is not settled as a whole. How many were up at most stays.
func (f *Figures) correct(g *group, at, n int64) {
	v := f.at(g.level.at - 1)
	f.countsOf(v, g.number).upTime += n * (g.level.at - max(at, v.from))
}

// raise notes from when to when a call is up, in microseconds since 1970; 0 for not known.
func (f *Figures) raise(s *share, start, end int64) {
	for i := range s.up {
		if i > 0 && f.o.Group == nil {
			break
		}
		g, up := f.groups[i*(int(s.group)+1)], &s.up[i]
		for _, m := range [...]struct {
			at, n int64
			is    **change
		}{{start, 1, &up.start}, {end, -1, &up.end}} {
			if *m.is != nil && (*m.is).at == m.at {
				continue
			}
			f.takeBack(g, *m.is)
			if *m.is = nil; m.at > 0 {
				*m.is = f.change(g, m.at, m.n)
			}
		}
	}
	if changes := f.groups[0].level.changes; len(changes) > maxChanges {
		f.settle(changes[maxChanges/2].at)
	}
}

// upTimes returns from when to when a call is up: until all legs have ended, or until its
// last event if it is lost.
func (f *Figures) upTimes(c *Call) (start, end int64) {
	switch start = f.time(&c.start); {
	case c.state == Lost:
		end = f.time(&mark{at: c.last, offset: c.offset})
	case c.end.json != nil && (c.open == 0 || c.state == Ended):
		end = f.time(&c.end)
	default:
		return start, 0
	}
	return start, max(start, end)
}
