package main

import (
	"cmp"
	"context"
	"os"
	"strings"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/doctor"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/render"
)

// doctorOptions are the flags of doctor.
type doctorOptions struct {
	feeds         live.Feeds
	wait          time.Duration
	strict        bool
	format, color string
	send          bool
}

func newDoctor(a *cli.App) *cobra.Command {
	o := &doctorOptions{}
	cmd := &cobra.Command{
		Use:   "doctor [ADDRESS]",
		Short: "Find out why there are no events",
		Long: `Find out why there are no events. Each check is a line: ok, warn or FAIL, its
name, the time it took, what was found, and what to change.

It connects to ADDRESS as tail does, with the same flags, and checks the name of
the host, TCP, the proxy if there is one, TLS, the answer to the upgrade, the
path, the key, the answer to a ping, the first event within --wait, and the
clocks of the machines. What comes after a check that failed is not tried:

  $ enswitch-events doctor 10.0.0.5 --authkey-file key
  ok    name                  10.0.0.5 is an address, not a name
  ok    TCP           0.4 ms  connected to 10.0.0.5:4875
  ok    TLS                   not used: the address is ws://
  ok    upgrade       0.9 ms  the server speaks websocket
  ok    path                  /events/websocket/
  ok    key            2.0 s  accepted
  ok    pong          0.8 ms  a ping was answered
  FAIL  first event   30.0 s  connected, but no event within 30s: turn on
                              Enswitch's setting 'Send events to messaged' …

Of a stream, nats://HOST/STREAM, it checks that it can be read, and the first
event that comes now.

With --listen PORT it takes POSTs, too, or alone without an ADDRESS: it opens the
port, shows the URL to paste into Enswitch, POSTs to it from another process, and
says which machines it heard from and how fast they were answered. A machine is
missed if its events come over the websocket only.

The exit code is 0, or that of tail for the first check that failed: 3 without a
connection, 4 for the key, 5 for a connection that was closed at once, 6 without
an event within --wait. Warnings do not count without --strict.`,
		Example: `  enswitch-events doctor 10.0.0.5 --authkey-file key
  enswitch-events doctor 'http://10.0.0.5:4875/events/websocket/?authkey=KEY'
  enswitch-events doctor 10.0.0.5 --wait 2m --strict -o json
  enswitch-events doctor --listen 0.0.0.0:8080 --authkey-file key
  enswitch-events doctor -o json | jq -r '.checks[] | select(.fix != "").fix'`,
		Args:              oneAddress,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), a, cmd, args) },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cli.AddFlagGroup(cmd, "Checking", func(f *pflag.FlagSet) {
		flags.DurationVar(f, &o.wait, "wait", 30*time.Second, "wait this `TIME` for the first event")
		f.BoolVar(&o.strict, "strict", false, "exit with code 1 if there is a warning")
		f.StringVarP(&o.format, "output", "o", "text", "print the report as `FORMAT`: "+strings.Join(doctor.Formats(), ", "))
		f.StringVar(&o.color, "color", "auto", "use colours `WHEN`: auto, always or never; see also NO_COLOR, CLICOLOR_FORCE")
		f.BoolVar(&o.send, doctor.SendFlag, false, "")
	})
	_ = cmd.Flags().MarkHidden(doctor.SendFlag) // there is this flag
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(doctor.Formats(), cobra.ShellCompDirectiveNoFileComp))
	o.feeds.Bind(cmd)
	return cmd
}

func oneAddress(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return cli.Usage("run it once for each address", "doctor takes one ADDRESS")
	}
	return nil
}

func (o *doctorOptions) run(ctx context.Context, a *cli.App, cmd *cobra.Command, addresses []string) error {
	if o.send {
		return cli.Failure(doctor.Send(ctx, a.In, a.Out))
	}
	if o.wait <= 0 {
		return cli.Usage("write it like 30s or 2m", "--wait %v: must be more than 0", o.wait)
	}
	if err := cmp.Or(flags.OneOf("output", o.format, doctor.Formats()), flags.OneOf("color", o.color, flags.Colors())); err != nil {
		return err
	}
	profile, err := render.ColorProfile(o.color, cli.Terminal(a.Out) != nil, os.Environ())
	if err != nil {
		return cli.Usage("", "--color: %w", err)
	}
	probe, err := o.feeds.Probe(ctx, a, cmd, addresses)
	if err != nil {
		return err
	}
	defer probe.Stop()
	d := &doctor.Doctor{
		Wait: o.wait, Strict: o.strict, PingInterval: cmd.Flags().Changed("ping-interval"),
		JSON: o.format == "json", Color: profile > colorprofile.ASCII,
	}
	return d.Run(ctx, a, probe)
}
