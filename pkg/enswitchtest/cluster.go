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

// Faults are what goes wrong in a [Cluster] on purpose, in addition to the faults in
// [ServerOptions]. The zero Faults are none. The generator's seed decides everything that
// is random in them.
type Faults struct {
	// DropEvery is the time between two breaks of the connections of all clients, with
	// a TCP reset. A client loses the events until it is back.
	DropEvery time.Duration
	// Duplicates is the probability that an event is sent twice, from 0 to 1. The copy
	// comes at once, or after one to three other events.
	Duplicates float64
	// Reorder is the probability that an event is sent one to five events later, from
	// 0 to 1.
	Reorder float64
	// SlowPost is the time between the header of a POST and its body.
	SlowPost time.Duration
}

// ClusterOptions are the settings of a [Cluster]. Nil and zero fields mean the defaults
// that are named here, and in the options of each part.
type ClusterOptions struct {
	Server    ServerOptions
	Generator GeneratorOptions
	Faults    Faults
	// WaitClients is the number of clients for which the first event waits. Negative:
	// none. Zero: one, or none if Post is set.
	WaitClients int
	// Count is the number of events after which the cluster stops, copies not
	// included. For is the time after which it stops. Zero: never.
	Count int64
	For   time.Duration
	// Post is a URL to which each event is POSTed as well, by one sender for each
	// machine. Frames of a scenario that are not events are not POSTed.
	Post string
	// OnPost gets the result of each POST. It is called by several senders at the same
	// time.
	OnPost func(error)
}

// Cluster is a [Server] whose events come by themselves, from a [Generator].
type Cluster struct {
	*Server
	o       ClusterOptions
	cancel  context.CancelFunc
	running sync.WaitGroup
	done    chan struct{} // closed after the last event
	sent    atomic.Int64
	posted  atomic.Int64
}

// NewCluster starts a cluster, as NewServer starts a server. Call Close when done.
func NewCluster(o *ClusterOptions) *Cluster {
	c := &Cluster{done: make(chan struct{})}
	if o != nil {
		c.o = *o
	}
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

// Sent returns the number of events sent, and the number of POSTs sent or queued, copies
// included.
func (c *Cluster) Sent() (events, posts int64) { return c.sent.Load(), c.posted.Load() }

// Wait waits until Count or For is reached and all POSTs are answered, after For at most
// PostTimeout longer. If ctx ends first, it returns the error of ctx.
func (c *Cluster) Wait(ctx context.Context) error {
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close stops the events, cancels running POSTs, and closes the server: see
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
	if limited.Err() != nil { // For is reached
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, PostTimeout)
		defer cancel()
	}
	finish(ctx)
}

// play sends the generated events, in the order that the faults make of it.
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

// sender returns a function that sends an event, and one that ends the sending.
func (c *Cluster) sender(ctx context.Context) (send func([]byte), finish func(context.Context)) {
	var senders *Senders
	if c.o.Post != "" {
		onPost := c.o.OnPost
		if onPost == nil {
			onPost = func(error) {}
		}
		machines := cmp.Or(max(c.o.Generator.Machines, 0), defaultMachines)
		senders = NewSenders(&Poster{URL: c.o.Post, Slow: c.o.Faults.SlowPost}, machines, onPost)
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

// shuffle duplicates and reorders events.
type shuffle struct {
	f    *Faults
	rand *rand.Rand
	held []held
}

// held is an event that is sent after that many others.
type held struct {
	raw   []byte
	after int
}

func newShuffle(f *Faults, seed uint64) *shuffle {
	return &shuffle{f: f, rand: rand.New(rand.NewPCG(seed, 2))}
}

// push sends an event, unless it is held back, and then the held events whose turn it
// is.
func (d *shuffle) push(raw []byte, send func([]byte)) {
	again := d.f.Duplicates > 0 && d.rand.Float64() < d.f.Duplicates
	if d.f.Reorder > 0 && d.rand.Float64() < d.f.Reorder {
		d.held = append(d.held, held{raw, 2 + d.rand.IntN(5)}) // this push counts, too
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

// flush sends the held events.
func (d *shuffle) flush(send func([]byte)) {
	for _, h := range d.held {
		send(h.raw)
	}
	d.held = nil
}
