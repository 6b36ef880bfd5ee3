package flags

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

// StreamGroup is the title of the flag group about streams.
const StreamGroup = "Reading a stream (nats://HOST/STREAM)"

// Stream are the flags for reading a stream of NATS JetStream.
type Stream struct {
	from, group, partition string
	ackWait                time.Duration
}

// Bind adds the flags to f.
func (o *Stream) Bind(f *pflag.FlagSet) {
	f.StringVar(&o.from, "from", "now", "begin at `WHERE`: start, now, a time as for --since, when the server stored the event, or the number of a message")
	f.StringVar(&o.group, "group", "", "share the events with all readers of the group `NAME`: each event goes to one of them, until it is written; --from counts only when the group is made")
	DurationVar(f, &o.ackWait, "ack-wait", stream.DefaultAckWait, "give the events of a reader that has died to the others of its --group after this `TIME`")
	f.StringVar(&o.partition, "partition", "", "read the share `N/M` of the calls: 0/3, 1/3 and 2/3 are three readers, each of which gets the events of a call in order")
}

// IsStream reports whether an address names a stream.
func IsStream(address string) bool {
	scheme, _, ok := strings.Cut(address, "://")
	return ok && (strings.EqualFold(scheme, "nats") || strings.EqualFold(scheme, "tls"))
}

// ParseStream returns the address of a stream.
func ParseStream(text string) (*stream.Address, error) {
	addr, err := stream.ParseAddress(text)
	if err != nil {
		return nil, cli.Usage("write it like nats://HOST/STREAM, nats://HOST:4222,HOST/PREFIX or tls://USER:PASSWORD@HOST/STREAM", "%w", err)
	}
	return addr, nil
}

// ReaderOptions returns the options of a reader, without its callbacks. creds is the name of a
// credentials file, or empty. It reads the certificate files of c.
func (o *Stream) ReaderOptions(c *Connection, creds string, changed func(string) bool) (*stream.ReaderOptions, error) {
	r := &stream.ReaderOptions{Group: o.group, Retries: c.retries, RetryFirst: c.retry, MaxMessage: int(c.MaxMessage)}
	if c.noReconnect {
		r.Retries = -1
	}
	if err := CheckCredentials(creds); err != nil {
		return nil, err
	}
	if changed("ack-wait") {
		if r.AckWait = o.ackWait; r.AckWait < time.Second {
			return nil, cli.Usage("the default is 30s", "--ack-wait %v: must be at least 1s", o.ackWait)
		}
	}
	if strings.Trim(o.group, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" || len(o.group) > maxGroup {
		return nil, cli.Usage("a name has letters, digits, _ and -", "--group %q is no name", o.group)
	}
	if err := o.parseFrom(r, time.Now()); err != nil {
		return nil, err
	}
	if err := o.parsePartition(r); err != nil {
		return nil, err
	}
	m, err := c.ClientOptions()
	if err != nil {
		return nil, err
	}
	r.Connect = stream.ConnectOptions{Credentials: creds, TLS: m.TLS, Timeout: c.connectTimeout}
	ping := c.pingInterval
	if ping == 0 {
		ping = 365 * 24 * time.Hour // the library has no other word for never
	}
	r.Connect.More = []nats.Option{nats.PingInterval(ping)}
	return r, nil
}

// maxGroup bounds the name of a group, in bytes.
const maxGroup = 64

// parseFrom sets where to begin.
func (o *Stream) parseFrom(r *stream.ReaderOptions, now time.Time) error {
	switch strings.ToLower(o.from) {
	case "now", "":
		return nil
	case "start":
		r.FromStart = true
		return nil
	}
	if strings.Trim(o.from, "0123456789") == "" {
		n, err := strconv.ParseUint(o.from, 10, 64)
		if err != nil || n == 0 {
			return cli.Usage("the first message has the number 1", "--from %s: there is no such number", o.from)
		}
		r.FromSequence = n
		return nil
	}
	t, err := parseMoment(o.from, now)
	if err != nil {
		return cli.Usage("write start, now, a number, or a time: "+momentHint(o.from, err), "--from %q is no place in a stream", o.from)
	}
	r.FromTime = t
	return nil
}

// parsePartition sets the share of the partitions.
func (o *Stream) parsePartition(r *stream.ReaderOptions) error {
	if o.partition == "" {
		return nil
	}
	first, second, ok := strings.Cut(o.partition, "/")
	n, err1 := strconv.Atoi(first)
	m, err2 := strconv.Atoi(second)
	switch {
	case !ok || err1 != nil || err2 != nil:
		return cli.Usage("write it like 0/3, 1/3 and 2/3 for three readers", "--partition %q is no share", o.partition)
	case m < 1 || m > stream.Partitions:
		return cli.Usage("a stream has 16 partitions, so there are at most 16 shares", "--partition %s: %d is not from 1 to %d", o.partition, m, stream.Partitions)
	case n < 0 || n >= m:
		return cli.Usage("shares are counted from 0", "--partition %s: %d is not from 0 to %d", o.partition, n, m-1)
	}
	r.Share.Number, r.Share.Of = n, m
	return nil
}

// CheckCredentials checks the file of --nats-creds, if there is one.
func CheckCredentials(path string) error {
	if path == "" {
		return nil
	}
	err := stream.CheckCredentials(path)
	if err == nil {
		return nil
	}
	hint := cmp.Or(cli.FileHint(err), "copy the file whole, as nsc generate creds writes it")
	return cli.Usage(hint, "--nats-creds: %w", err)
}
