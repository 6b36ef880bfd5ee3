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
		Short: "Live events from messaged's websocket",
		Long: `Print the events of an Enswitch cluster as they happen, from the websocket of
its message daemon.

ADDRESS is HOST, HOST:PORT, a ws, wss, http or https URL, or the URL of the
vendor's guide as it stands, key and all; without one, localhost:4875. Several
addresses are merged into one stream, each event once.

The setting "Send events to messaged" must be on, or the socket connects and
stays silent. The key is the setting "Message daemon authentication key".`,
		Example: `  enswitch-events tail --demo
  enswitch-events tail 10.0.0.5 --authkey-file /etc/enswitch-events/key
  enswitch-events tail 'http://10.0.0.5:4875/events/websocket/?authkey=KEY'
  enswitch-events tail -c call -e answer,end -w machine=1
  enswitch-events tail -q 'select(.event == "start") | {callid, machine}' | jq .callid
  enswitch-events tail -n 1 -e call.start --for 60s && echo the first call has come`,
		RunE: func(cmd *cobra.Command, addresses []string) error {
			return o.feeds.Run(cmd.Context(), a, cmd, &o.live, addresses)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.live.Bind(cmd)
	o.feeds.Bind(cmd)
	return cmd
}
