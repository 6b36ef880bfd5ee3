package forward

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/pkg/forward"
	"github.com/enswitch-events/enswitch-events/pkg/stream"
)

// streamTarget returns the target of the address of a stream.
func streamTarget(set *pflag.FlagSet, text string) (*target, error) {
	const hint = "write it like nats://HOST/PREFIX or tls://HOST,HOST/PREFIX"
	text, own1, _ := strings.Cut(text, "#")
	s, _, err := own(set, "nats", own1)
	if err != nil {
		return nil, err
	}
	address, err := stream.ParseAddress(text)
	if err != nil {
		return nil, cli.Usage(hint, "--to: %w", err)
	}
	t := &target{name: address.String(), dir: directory(strings.TrimPrefix(strings.TrimPrefix(address.String(), "nats://"), "tls://"), address.String())}
	o := &forward.JetStreamOptions{Connect: stream.ConnectOptions{Credentials: s.natsCreds}, MaxAge: s.maxAge, OnNotice: t.notice}
	if o.Connect.TLS, err = s.tls(); err != nil {
		return nil, err
	}
	if err := flags.CheckCredentials(s.natsCreds); err != nil {
		return nil, err
	}
	t.set(s)
	if address.User == "" {
		t.options.Spec = s.spec(address.String())
	}
	// Together they are a window of 1,000 events.
	t.options.Batch, t.options.BatchWait, t.options.Concurrency = forward.MaxBatch, 0, 2
	t.options.Target = forward.NewJetStream(address, o)
	return t, nil
}

// notice logs what is to be known of a stream.
func (t *target) notice(err error) {
	if t.log == nil {
		return
	}
	if made, ok := errors.AsType[*forward.StreamMade](err); ok {
		t.log.log.Info(t.name+": "+made.Error(), "target", t.name, "stream", made.Stream)
		return
	}
	t.log.log.Warn(t.name+": "+cli.OneLine(err), attributes(t.name, err)...)
}

// streamHint returns what to do about an error of a stream, empty if that is not known.
func streamHint(err error) string {
	e, ok := errors.AsType[*forward.StreamError](err)
	if !ok {
		return ""
	}
	switch e.Problem {
	case forward.StreamSubjects:
		if len(e.Subjects) == 0 { // a mirror can take none
			return "choose another prefix"
		}
		subjects := slices.DeleteFunc(slices.Clone(e.Subjects), func(s string) bool { return strings.HasPrefix(s, strings.TrimSuffix(e.Subject, ">")) })
		return fmt.Sprintf("'nats stream edit %s --subjects=%s' makes it take all, or choose another prefix", e.Stream, strings.Join(append(subjects, e.Subject), ","))
	case forward.StreamNoJetStream:
		if e.Account {
			return "give the account jetstream in the server's configuration, or log in as a user of an account that has it"
		}
		return "start the server as 'nats-server -js', or name a server that has it"
	case forward.StreamForgets:
		return "make the groups of its readers before the first event, by 'enswitch-events tail --group NAME', or make the stream with --retention=limits"
	case forward.StreamUnchecked, forward.StreamUnread:
		return "allow the user to publish to $JS.API.STREAM.> and $JS.API.CONSUMER.> in the server's configuration"
	case forward.StreamPermission:
		if e.Subscribe {
			return "allow the user to subscribe to _INBOX.> in the server's configuration"
		}
		return fmt.Sprintf("allow the user to publish to %s in the server's configuration", e.Subject)
	case forward.StreamFull:
		if e.Account {
			return "give the account or the server more room, as by max_file_store in jetstream {}, or shorten the --max-age of its streams by 'nats stream edit'"
		}
		if strings.Contains(e.Detail, "per subject") {
			return fmt.Sprintf("'nats stream edit %s --max-msgs-per-subject=-1' makes it take all events of a subject", e.Stream)
		}
		return fmt.Sprintf("'nats stream edit %s --discard=old' makes it drop the oldest, --max-bytes and --max-msgs give it room", e.Stream)
	case forward.StreamNoAck:
		return fmt.Sprintf("'nats stream edit %s --ack' makes it acknowledge", e.Stream)
	case forward.StreamSmallWindow:
		return fmt.Sprintf("'nats stream edit %s --dupe-window=2m' makes it larger", e.Stream)
	}
	return ""
}
