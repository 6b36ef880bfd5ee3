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
		Short: "Live events POSTed by the Enswitch machines",
		Long: `Take the events that the Enswitch machines POST, and print them.

Paste the URL that is printed into the setting "Send events to URL" (System »
Configuration in 3.14 and 3.15; Global » Settings » Configuration from 4.1 on;
for one customer: Settings » Customer). Every machine of the cluster sends
directly, so every one must reach the URL.

The answer goes out as soon as the event has its place in the stream, and waits
for nothing else: routing of calls waits for it. So the events of a sender that
waits for its answers come out in order. The fields of a POSTed form become the JSON that the websocket would send:
in the order received, as strings, machine as a number (--number-field for
others). Of a repeated field the first counts; a field without value is "".`,
		Example: `  enswitch-events listen --port 8080
  enswitch-events listen --bind 0.0.0.0 --port 8080 --allow 10.0.0.0/24
  enswitch-events listen --bind 0.0.0.0 --port 8443 --tls-self-signed --authkey-file key
  curl -d class=call -d event=start -d timestamp=1234567890.123456 http://127.0.0.1:8080/`,
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
