package enswitchtest

import (
	"cmp"
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Faults are what goes wrong in a [Cluster] on purpose. The zero Faults are
// none. What of it is random is decided by the generator's seed.
type Faults struct {
	// DropEvery is how often the connections of all clients break, with a TCP
	// reset. What happens until a client is back is lost to it.
	DropEvery time.Duration
	// HalfOpenAfter is how long after it began a connection goes dead: it stays
	// open and nothing comes any more, not even an answer to a ping.
	HalfOpenAfter time.Duration
	// Duplicates is how likely an event is sent twice, from 0 to 1. The copy
	// comes at once, or behind one of the next three events.
	Duplicates float64
	// Reorder is how likely an event is held back until one to five others
	// have been sent, from 0 to 1.
	Reorder float64
	// RejectKey has every key refused.
	RejectKey bool
	// SlowPost is how long after its header the body of each POST comes.
	SlowPost time.Duration
}

// ClusterOptions are the settings of a [Cluster]. Nil and zero fields mean the
// defaults that are named here, and in the options of each part.
type ClusterOptions struct {
	Server    ServerOptions
	Generator GeneratorOptions
	Faults    Faults
	// WaitClients is how many clients must be connected before the first event
	// is sent. Below zero: none; zero: one, or none if Post is given.
	WaitClients int
	// Count ends the events after so many, copies not counted, and For after
	// so long; zero: never.
	Count int64
	For   time.Duration
	// Post is a URL that each event is POSTed to as well, by as many senders as
	// there are machines. Frames of a scenario that are no events are not.
	Post string
	// OnPost is told of each POST, by the senders at the same time.
	OnPost func(error)
}

// Cluster is a [Server] whose events come by themselves, from a [Generator].
type Cluster struct {
	*Server
	o       ClusterOptions
	cancel  context.CancelFunc
	running sync.WaitGroup
	done    chan struct{} // closed when no event follows
	sent    atomic.Int64
	posted  atomic.Int64
}

// NewCluster starts a cluster, as NewServer does. The caller ends it with Close.
func NewCluster(o *ClusterOptions) *Cluster {
	c := &Cluster{done: make(chan struct{})}
	if o != nil {
		c.o = *o
	}
	c.o.Server.RejectKey = c.o.Server.RejectKey || c.o.Faults.RejectKey
	c.o.Server.HalfOpenAfter = cmp.Or(c.o.Server.HalfOpenAfter, c.o.Faults.HalfOpenAfter)
	if c.o.WaitClients == 0 && c.o.Post == "" {
		c.o.WaitClients = 1
	}
	c.Server = NewServer(&c.o.Server)
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.running.Go(func() {
		defer close(c.done)
		c.run(ctx)
	})
	return c
}

// Sent is how many events have been sent, and how many of them POSTed or queued
// for that, copies included.
func (c *Cluster) Sent() (events, posts int64) { return c.sent.Load(), c.posted.Load() }

// Wait waits until Count or For has been reached and POSTs have been answered,
// after For those that are within PostTimeout. If ctx ends first it returns the
// context's error.
func (c *Cluster) Wait(ctx context.Context) error {
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the events, breaks POSTs off, and closes the server, see
// [Server.Close].
func (c *Cluster) Close() {
	c.cancel()
	c.running.Wait()
	c.Server.Close()
}

func (c *Cluster) run(ctx context.Context) {
	limited := ctx
	if c.o.For > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, c.o.For)
		defer cancel()
	}
	if c.o.WaitClients > 0 && c.WaitClients(limited, c.o.WaitClients) != nil {
		return
	}
	var dropping sync.WaitGroup
	playing, stop := context.WithCancel(limited)
	if c.o.Faults.DropEvery > 0 {
		dropping.Go(func() { c.drop(playing) })
	}
	send, finish := c.sender(limited)
	c.play(playing, stop, send)
	stop()
	dropping.Wait()
	if limited.Err() != nil { // time has run out
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, PostTimeout)
		defer cancel()
	}
	finish(ctx)
}

// play sends what is generated, in the order that the faults make of it.
func (c *Cluster) play(ctx context.Context, stop func(), send func(raw []byte)) {
	d := newShuffle(&c.o.Faults, c.o.Generator.Seed)
	n := int64(0)
	_ = NewGenerator(&c.o.Generator).Play(ctx, func(raw []byte) {
		d.push(raw, send)
		if n++; n == c.o.Count {
			stop()
		}
	})
	d.flush(send)
}

// sender returns what sends an event, and what ends that.
func (c *Cluster) sender(ctx context.Context) (send func([]byte), finish func(context.Context)) {
	var senders *Senders
	if c.o.Post != "" {
		told := c.o.OnPost
		if told == nil {
			told = func(error) {}
		}
		machines := cmp.Or(max(c.o.Generator.Machines, 0), defaultMachines)
		senders = NewSenders(&Poster{URL: c.o.Post, Slow: c.o.Faults.SlowPost}, machines, told)
	}
	var x event.Index
	send = func(raw []byte) {
		c.Send(raw)
		c.sent.Add(1)
		if senders != nil && x.Scan(raw) == nil && senders.Send(ctx, raw) == nil {
			c.posted.Add(1)
		}
	}
	finish = func(ctx context.Context) {
		if senders != nil {
			senders.Close(ctx)
		}
	}
	return send, finish
}

func (c *Cluster) drop(ctx context.Context) {
	tick := time.NewTicker(c.o.Faults.DropEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.Drop()
		case <-ctx.Done():
			return
		}
	}
}

// shuffle sends events twice and in another order.
type shuffle struct {
	f    *Faults
	rand *rand.Rand
	held []held
}

// held is an event that is sent when so many others have been.
type held struct {
	raw   []byte
	after int
}

func newShuffle(f *Faults, seed uint64) *shuffle {
	return &shuffle{f: f, rand: rand.New(rand.NewPCG(seed, 2))}
}

// push sends an event, unless it is held back, and then those whose turn it is.
func (d *shuffle) push(raw []byte, send func([]byte)) {
	again := d.f.Duplicates > 0 && d.rand.Float64() < d.f.Duplicates
	if d.f.Reorder > 0 && d.rand.Float64() < d.f.Reorder {
		d.held = append(d.held, held{raw, 2 + d.rand.IntN(5)}) // itself counted
	} else {
		send(raw)
	}
	if again {
		d.held = append(d.held, held{raw, 1 + d.rand.IntN(4)})
	}
	waiting := d.held[:0]
	for _, h := range d.held {
		if h.after--; h.after == 0 {
			send(h.raw)
		} else {
			waiting = append(waiting, h)
		}
	}
	clear(d.held[len(waiting):])
	d.held = waiting
}

// flush sends what is held back.
func (d *shuffle) flush(send func([]byte)) {
	for _, h := range d.held {
		send(h.raw)
	}
	d.held = nil
}
