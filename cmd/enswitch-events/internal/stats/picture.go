package stats

import "time"

// redraw is the time between two pictures on a terminal.
const redraw = time.Second

// picture is the table that is drawn again and again on a terminal.
type picture struct {
	used bool
}
