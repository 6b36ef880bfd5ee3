package render

// State is what a Renderer remembers of earlier events. An event is rendered the same
// from equal (==) states.
type State struct {
	nameColumns int
	began       bool
	day         [10]byte
	last        int64
}

// State returns what r remembers.
func (r *Renderer) State() State {
	c := r.times()
	s := State{nameColumns: r.nameColumns}
	// Only what a time depends on is part of the state.
	switch {
	case r.template != nil && r.template.ordered:
		s.began, s.day, s.last = c.began, c.day, c.last
	case r.template != nil, c.style == "local", c.style == "utc":
		s.day = c.day
	case c.style == "delta":
		s.began, s.last = c.began, c.last
	}
	return s
}

// SetState makes r remember s, which a renderer with the same options returned.
func (r *Renderer) SetState(s State) {
	c := r.times()
	r.nameColumns, c.began, c.day, c.last = s.nameColumns, s.began, s.day, s.last
	c.shown = false
}

// TimeShown reports whether r has shown a time since SetState that depends on the
// state. From another state only the first of these times would be different.
func (r *Renderer) TimeShown() bool { return r.times().shown }

// times is the clock that shows times.
func (r *Renderer) times() *clock {
	if r.template != nil {
		return &r.template.clock
	}
	return &r.clock
}

// SameWidth reports whether s and other have columns of the same width.
func (s State) SameWidth(other State) bool { return s.nameColumns == other.nameColumns }

// Widened returns s with the width of the columns of other.
func (s State) Widened(other State) State {
	s.nameColumns = other.nameColumns
	return s
}

// Parallel reports whether several renderers with the same options can render events
// at the same time and exchange their states. That is not so on a terminal, whose
// width may change between two lines, nor for a template that uses the event before.
func (r *Renderer) Parallel() bool {
	return r.width == nil && (r.template == nil || !r.template.ordered)
}
