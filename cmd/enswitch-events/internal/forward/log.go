package forward

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/forward"
)

// logEvery is how often a message of one kind is repeated at most.
const logEvery = 10 * time.Second

// targetLog logs what becomes of the events of one target.
type targetLog struct {
	log  *log.Logger
	name string
	dead string // directory of the dead letters

	again bool // dead letters are sent again

	mu       sync.Mutex
	failing  bool
	reason   string               // of the last failure that was logged
	said     map[string]time.Time // when a message of a kind was logged
	dropped  int64
	unsaid   map[forward.DropReason]int64 // dropped, and not logged yet
	byReason map[forward.DropReason]int64 // all dropped
	before   forward.Counts               // when the queue was opened
}

// hook sets the functions that o calls.
func (l *targetLog) hook(o *forward.Options) {
	l.said, l.unsaid, l.byReason = map[string]time.Time{}, map[forward.DropReason]int64{}, map[forward.DropReason]int64{}
	o.OnFailure, o.OnRecovery, o.OnDead, o.OnDrop, o.OnError = l.failed, l.recovered, l.refused, l.drop, l.fault
}

// due reports whether a message of that kind is to be logged now. mu is held.
func (l *targetLog) due(kind string) bool {
	now := time.Now()
	if at, ok := l.said[kind]; ok && now.Sub(at) < logEvery {
		return false
	}
	l.said[kind] = now
	return true
}

// failed logs a failure, now and then.
func (l *targetLog) failed(r forward.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	reason := shortReason(r.Reason)
	again := l.failing && reason == l.reason
	l.failing = true
	if again && r.Err != nil || !l.due("failure") {
		return // a state is logged once
	}
	l.reason = reason
	l.log.Warn(l.name+": "+reason+": events wait in the queue and are sent again", attributes(l.name, r.Err)...)
}

// recovered logs that the target takes events again.
func (l *targetLog) recovered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.failing {
		return
	}
	l.failing = false
	if l.due("recovery") {
		l.log.Info(l.name+": events are delivered again", "target", l.name)
	}
}

// refused logs a dead letter.
func (l *targetLog) refused(_ *forward.Item, r forward.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.due(fmt.Sprintf("dead %d", r.Status)) {
		text, also := fmt.Sprintf("%s: refused an event: %s: it is a dead letter in %s", l.name, shortReason(r.Reason), l.dead), []any{"target", l.name, "status", r.Status}
		if l.again {
			text = fmt.Sprintf("%s: refused an event again: %s: it stays a dead letter in %s", l.name, shortReason(r.Reason), l.dead)
		} else {
			also = append(also, log.HintKey, "'enswitch-events forward retry-dead' sends dead letters again")
		}
		l.log.Warn(text, also...)
	}
}

// drop logs that events were dropped.
func (l *targetLog) drop(reason forward.DropReason, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped += n
	l.unsaid[reason] += n
	l.byReason[reason] += n
	if l.due("drop " + string(reason)) {
		l.logDrops(reason)
	}
}

// logDrops logs the events that were dropped since the last time. mu is held.
func (l *targetLog) logDrops(reason forward.DropReason) {
	why := map[forward.DropReason]string{
		forward.DropFull: "the queue is full", forward.DropDisk: "the disk of the queue is full, or cannot be written",
		forward.DropAge: "they are older than --queue-age", forward.DropDamaged: "the queue is damaged",
		forward.DropRemoved: "the queue was removed",
	}[reason]
	if n := l.unsaid[reason]; n > 0 {
		l.log.Warn(fmt.Sprintf("%s: dropped %s: %s", l.name, cli.Plural(n, "event"), why), "target", l.name, "dropped", n, "reason", string(reason))
	}
	l.unsaid[reason] = 0
}

// fault logs an error of the queue.
func (l *targetLog) fault(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text := cli.OneLine(err); l.due("fault") {
		l.log.Warn(l.name+": "+text, "target", l.name)
	}
}

// finish logs what became of all events, and returns how many were dropped in this run.
func (l *targetLog) finish(c forward.Counts) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	for reason := range l.unsaid {
		l.logDrops(reason)
	}
	parts := []string{humanize.Comma(c.Delivered-l.before.Delivered) + " delivered"}
	add := func(n int64, what string) {
		if n > 0 {
			parts = append(parts, humanize.Comma(n)+" "+what)
		}
	}
	add(c.AlreadyThere-l.before.AlreadyThere, "already there")
	add(c.Dead-l.before.Dead, "refused")
	add(l.dropped, "dropped")
	add(c.Waiting, "wait in the queue for the next run")
	l.log.Info(l.name+": "+strings.Join(parts, ", "), "target", l.name, "delivered", c.Delivered-l.before.Delivered,
		"already_there", c.AlreadyThere-l.before.AlreadyThere, "dead", c.Dead-l.before.Dead, "dropped", l.dropped, "waiting", c.Waiting)
	return l.dropped
}

// shortReason returns a reason on one line that fits into a message.
func shortReason(text string) string {
	const most = 200
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return safe.String(text)
}
