//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestFeedsCompared: of two clusters that send the same events each leaves out some, and one
// sends an event only when the program has printed it from the other one. At the end the
// program says so, over all and by machine.
func TestFeedsCompared(t *testing.T) {
	t.Parallel()
	fast, slow := serverAt(t, ""), serverAt(t, "")
	p := start(t, "tail", fast.Addr(), slow.Addr(), "-F", "n")
	waitClients(t, fast, 1)
	waitClients(t, slow, 1)
	p.says("connected to", 2)
	send := func(n, machine int) []byte {
		return fmt.Appendf(nil, `{"class":"call","event":"start","n":%d,"machine":%d}`, n, machine)
	}
	const events = 60
	for n := 1; n <= events; n++ {
		ev := send(n, n%3+1)
		if n%15 != 7 { // else only the slow one has it
			fast.Send(ev)
			p.lines(n)
		}
		if n%10 != 0 || n == events { // else only the fast one has it
			slow.Send(ev)
			p.lines(n)
		}
	}
	slow.Send(send(events+1, 9)) // all that it has sent is there when this is
	p.lines(events + 1)
	fast.Send(send(events+2, 9)) // and the slow one may still bring this
	p.lines(events + 2)
	fast.Send(send(events+3, 10)) // and this, the first of its machine
	p.lines(events + 3)
	p.signal(os.Interrupt)
	if code := p.exit(); code != 0 {
		t.Fatal(code)
	}
	type compared struct {
		Msg, Machine                  string
		Feeds                         []string
		Events, Undecided             int
		Missed, Only, First, Repeated []int
		BehindP50                     []float64 `json:"behind_p50"`
		BehindP95                     []float64 `json:"behind_p95"`
		Compared                      []int
	}
	var all *compared
	missed := []int{0, 0}
	for _, line := range p.said.snapshot() {
		if !strings.Contains(line, `"feeds":`) {
			continue
		}
		c := &compared{}
		if err := json.Unmarshal([]byte(line), c); err != nil {
			t.Fatal(err)
		}
		if all == nil {
			all = c
			continue
		}
		if c.Events == 0 {
			t.Errorf("nothing is known of machine %s: %s", c.Machine, line)
		}
		for i := range missed {
			missed[i] += c.Missed[i]
		}
	}
	if all == nil {
		t.Fatal("the feeds were not compared")
	}
	if want := []int{5, 5}; all.Events != events+1 || all.Undecided != 2 || !slices.Equal(all.Missed, want) || !slices.Equal(all.Only, want) || !slices.Equal(missed, want) {
		t.Errorf("%+v, by machine %d", *all, missed)
	}
	if !slices.Equal(all.First, []int{51, 0}) || !slices.Equal(all.Compared, []int{51, 51}) || all.BehindP50[0] != 0 || all.BehindP50[1] <= 0 || all.BehindP95[1] < all.BehindP50[1] {
		t.Errorf("%+v", *all)
	}
}
