package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
)

// listenOptions are the flags of listen.
type listenOptions struct {
	live     live.Options
	key      flags.Key
	receiver live.Receiver
}

func newListen(a *cli.App) *cobra.Command {
	o := &listenOptions{}
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Receive the events that the Enswitch machines POST",
		Long: `Receive the events that the Enswitch machines POST, and print them.

Paste the URL that listen prints on stderr into the setting "Send events to URL"
(System » Configuration in 3.14 and 3.15; Global » Settings » Configuration from
4.1 on; for one customer: Settings » Customer). Each machine of the cluster
sends its own events, so all of them must be able to reach the URL.

Enswitch waits for the answer while it routes a call. So listen answers as soon
as the event has its place in the stream, before it filters or prints it. The
events of a sender that waits for each answer are printed in order.

The fields of a form become the JSON object that the websocket would send: in
the order received, as strings, and machine as a number (--number-field makes
numbers of others). If a field is repeated, the first one counts. A field
without a value becomes "".`,
		Example: `  enswitch-events listen --port 8080
  enswitch-events listen --bind 0.0.0.0 --port 8080 --allow 10.0.0.0/24
  enswitch-events listen --bind 0.0.0.0 --port 8443 --tls-self-signed \
    --authkey-file key
  curl -d class=call -d event=start -d timestamp=1234567890.123456 \
    http://127.0.0.1:8080/`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.receiver.Run(cmd.Context(), a, cmd, &o.live, &o.key)
		},
	}
	o.live.Bind(cmd)
	cli.AddFlagGroup(cmd, "Listening", func(f *pflag.FlagSet) {
		f.Uint16VarP(&o.receiver.Port, "port", "p", 8080, "TCP `PORT`; 0 picks a free one")
		f.StringVar(&o.receiver.Bind, "bind", "127.0.0.1", "listen on this `ADDRESS`; 0.0.0.0 or :: for all of the machine's")
		o.key.Bind(f)
	})
	cli.AddFlagGroup(cmd, live.PostGroup, o.receiver.BindFlags)
	return cmd
}
