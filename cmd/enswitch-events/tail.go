package main

import (
	"github.com/spf13/cobra"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
)

// tailOptions are the flags of tail.
type tailOptions struct {
	live  live.Options
	feeds live.Feeds
}

func newTail(a *cli.App) *cobra.Command {
	o := &tailOptions{}
	cmd := &cobra.Command{
		Use:   "tail [ADDRESS…]",
		Short: "Receive live events from messaged's websocket",
		Long: `Print the events of an Enswitch cluster as they happen, from the websocket of
its message daemon, messaged.

ADDRESS is HOST, HOST:PORT, a ws, wss, http or https URL, or the whole URL of
the vendor's guide, with its key. The default is localhost:4875. The events of
several addresses are merged into one stream, in which each event comes once.

nats://HOST/STREAM is a stream of NATS JetStream, to which a forward writes; the
name may also be the PREFIX that it writes to. It is read from now on or, with
--from, from an earlier time. A stream keeps its events: after a loss of the
connection none is missing. Readers of the same --group share its events.
See 'enswitch-events help streams'.

Enswitch sends events only if its setting "Send events to messaged" is on. The
key is its setting "Message daemon authentication key".`,
		Example: `  enswitch-events tail --demo
  enswitch-events tail 10.0.0.5 --authkey-file /etc/enswitch-events/key
  enswitch-events tail 'http://10.0.0.5:4875/events/websocket/?authkey=KEY'
  enswitch-events tail -c call -e answer,end -w machine=1
  enswitch-events tail -q 'select(.event == "start") | {callid, machine}'
  enswitch-events tail --record '%Y-%m-%d.ndjson.zst' -o line
  enswitch-events tail nats://10.0.0.7/enswitch --from 1h --group billing
  enswitch-events tail -n 1 -e call.start --for 60s && echo 'a call has started'`,
		RunE: func(cmd *cobra.Command, addresses []string) error {
			return o.feeds.Run(cmd.Context(), a, cmd, &o.live, addresses)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.live.Bind(cmd)
	o.feeds.Bind(cmd)
	return cmd
}
