package live

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
)

// feed is a source, as the status line shows it.
type feed interface {
	// health returns the state of the feed at the time now, as in "connected to", the
	// address that follows these words, and whether the feed is connected.
	health(now time.Time) (state, address string, connected bool)
	// disconnected returns why the feed is not connected, or nil if it is, and reports
	// whether it ever was.
	disconnected() (ever bool, why *cli.Error)
	// reconnects returns how often the feed was connected again.
	reconnects() int64
}

// natsCreds is the flag of the credentials for NATS.
const natsCreds = "nats-creds" //nolint:gosec // the name of a flag

// PostGroup is the title of the flag group about POSTs.
const PostGroup = "Receiving POSTs"

// Feeds are the flags for where live events come from: websockets, a port that takes
// POSTs, or the demo.
type Feeds struct {
	key        flags.Key
	connection flags.Connection
	stream     flags.Stream
	demo       bool
	receiver   Receiver // with --listen
}

// Bind adds the flags to cmd.
func (o *Feeds) Bind(cmd *cobra.Command) {
	cli.AddFlagGroup(cmd, "Connection", func(f *pflag.FlagSet) {
		o.key.Bind(f)
		o.connection.Bind(f)
		f.StringVar(&o.receiver.listen, "listen", "", "receive POSTs on `[BIND:]PORT`: alone, or with an ADDRESS, and then each event once; off loopback they need the key")
		f.BoolVar(&o.demo, "demo", false, "show a simulated cluster instead of a real one")
	})
	cli.AddFlagGroup(cmd, flags.StreamGroup, func(f *pflag.FlagSet) {
		o.stream.Bind(f)
		if cmd.Flags().Lookup(natsCreds) == nil { // forward has it for its targets, too
			f.String(natsCreds, "", "use the NATS credentials in this `FILE`")
		}
	})
	cli.AddFlagGroup(cmd, PostGroup, o.receiver.BindFlags)
}

// MaxMessage returns the longest message in bytes.
func (o *Feeds) MaxMessage() flags.Size { return o.connection.MaxMessage }

// Run receives events from the feeds until one of the ends of options, or until ctx is
// done. addresses are those of the command line.
func (o *Feeds) Run(ctx context.Context, a *cli.App, cmd *cobra.Command, options *Options, addresses []string) error {
	if err := o.validate(cmd); err != nil {
		return err
	}
	s, err := options.compile(a, cmd)
	if err != nil {
		return err
	}
	listen := o.receiver.listen != ""
	if addresses = o.addresses(a, addresses); len(addresses) == 0 && !o.demo {
		source, err := o.receiver.openAlone(ctx, s, &o.key)
		if err != nil {
			return err
		}
		return s.run(ctx, source)
	}
	streams, addresses, err := o.streams(a, cmd, addresses)
	if err != nil {
		return err
	}
	clients, stop, err := o.clients(ctx, a, addresses)
	if err != nil {
		return err
	}
	defer stop()
	var sources []engine.Input
	if listen {
		source, err := o.openPort(ctx, s, clients)
		if err != nil {
			return err
		}
		sources = append(sources, source)
	}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	if options.Figures && !listen && len(clients) == 1 {
		clients[0].options.ReadPause = ReadPause
	}
	for _, c := range clients {
		sources = append(sources, c.source(s))
		if silence, once := o.silence(a, cmd); silence > 0 {
			watching.Go(func() { a.Guard(func() { c.watch(ctx, silence, once, messagedQuiet) }) })
		}
	}
	for _, u := range streams {
		sources = append(sources, u.source(s))
		if silence := o.connection.MaxSilence; silence > 0 {
			watching.Go(func() { a.Guard(func() { u.watch(ctx, silence, false, streamQuiet) }) })
		}
	}
	s.config.Behind = func() bool { return slices.ContainsFunc(streams, (*streamFeed).isBehind) }
	return s.run(ctx, sources...)
}

// validate checks the flags before anything is opened.
func (o *Feeds) validate(cmd *cobra.Command) error {
	if err := o.connection.Validate(cmd.Flags().Changed); err != nil {
		return err
	}
	if err := o.receiver.parseListen(); err != nil {
		return err
	}
	if o.receiver.listen != "" {
		o.receiver.takeActivated()
	}
	return nil
}

// openPort opens the port for POSTs, beside clients if there are any: then it takes their key.
func (o *Feeds) openPort(ctx context.Context, s *session, clients []*upstream) (engine.Input, error) {
	if len(clients) > 0 {
		return o.receiver.openBeside(ctx, s, clients[0].options.Authkey)
	}
	return o.receiver.openAlone(ctx, s, &o.key)
}

// addresses returns the addresses to connect to; typed are those of the command line.
// There are none with --demo, and none if only POSTs are taken.
func (o *Feeds) addresses(a *cli.App, typed []string) []string {
	switch {
	case len(typed) > 0 || o.demo:
		return typed
	case o.receiver.listen != "":
		return flags.ConfiguredAddresses(a)
	}
	return flags.DefaultAddresses(a)
}

// Names returns where the events come from, without keys; typed are the addresses of the
// command line.
func (o *Feeds) Names(a *cli.App, typed []string) (names []string) {
	if o.demo {
		return []string{"a simulated cluster"}
	}
	for _, text := range o.addresses(a, typed) {
		if flags.IsStream(text) {
			if addr, err := flags.ParseStream(text); err == nil {
				names = append(names, addr.String())
			}
		} else if addr, err := flags.ParseAddress(text); err == nil { // else there is no run
			names = append(names, addr.String())
		}
	}
	if o.receiver.listen != "" {
		names = append(names, "POSTs on "+o.receiver.listen)
	}
	return names
}

// firstEventPatience is how long a feed on a terminal may be without its first event
// before a warning names the setting of Enswitch that it depends on.
const firstEventPatience = 30 * time.Second

// silence returns after how long without an event to warn, 0 for never. With once, only
// the time before the first event counts.
func (o *Feeds) silence(a *cli.App, cmd *cobra.Command) (silence time.Duration, once bool) {
	if !cmd.Flags().Changed("max-silence") && cli.Terminal(a.Err) != nil {
		return firstEventPatience, true
	}
	return o.connection.MaxSilence, false
}

// clients returns the connections to make to addresses, or to the demo, which the caller
// must stop.
func (o *Feeds) clients(ctx context.Context, a *cli.App, addresses []string) (all []*upstream, stop func(), err error) {
	if !o.demo {
		all, err = o.upstreams(ctx, a, addresses)
		return all, func() {}, err
	}
	if len(addresses) > 0 {
		return nil, nil, cli.Usage("leave out the address", "--demo shows a simulated cluster and takes no address")
	}
	addr, stop := startDemo(ctx, a)
	if all, err = o.upstreams(ctx, a, []string{addr}); err != nil {
		stop()
	}
	return all, stop, err
}

// streams returns the streams among the addresses, and the other addresses.
func (o *Feeds) streams(a *cli.App, cmd *cobra.Command, addresses []string) (streams []*streamFeed, others []string, err error) {
	creds, _ := cmd.Flags().GetString(natsCreds)
	for _, text := range addresses {
		if !flags.IsStream(text) {
			others = append(others, text)
			continue
		}
		addr, err := flags.ParseStream(text)
		if err != nil {
			return nil, nil, err
		}
		a.Log.HideKey(addr.Password)
		options, err := o.stream.ReaderOptions(&o.connection, creds, cmd.Flags().Changed)
		if err != nil {
			return nil, nil, err
		}
		if slices.ContainsFunc(streams, func(u *streamFeed) bool { return u.name == addr.String() }) {
			return nil, nil, cli.Usage("name each address once", "address %s is given twice", addr)
		}
		streams = append(streams, &streamFeed{connection: connection{a: a, name: addr.String()}, addr: addr, options: options})
	}
	return streams, others, nil
}

func (o *Feeds) upstreams(ctx context.Context, a *cli.App, addresses []string) ([]*upstream, error) {
	var key, origin string
	var err error
	if !o.demo && len(addresses) > 0 { // the key of the demo is in its address
		if key, origin, err = o.key.Find(ctx, a); err != nil {
			return nil, err
		}
	}
	var all []*upstream
	for _, s := range addresses {
		addr, err := flags.ParseAddress(s)
		if err != nil {
			return nil, flags.AddressError(a, s, err)
		}
		if slices.ContainsFunc(all, func(u *upstream) bool { return u.addr.String() == addr.String() }) {
			return nil, cli.Usage("name each address once", "address %s is given twice", addr)
		}
		m, err := o.connection.ClientOptions()
		if err != nil {
			return nil, err
		}
		if o.connection.Proxy == "" {
			if err := flags.CheckProxyEnv(addr); err != nil {
				return nil, err
			}
		}
		m.Authkey = o.key.Resolve(key, origin, addr.Authkey, a)
		all = append(all, &upstream{connection: connection{a: a, name: addr.String()}, addr: addr, options: m, keyless: m.Authkey == ""})
	}
	return all, nil
}
