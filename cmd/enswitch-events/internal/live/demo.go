package live

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// demoRate is in events a second: lively, and slow enough to read.
const demoRate = 5

// startDemo starts a simulated cluster in this process and returns its address. The
// caller must call stop.
func startDemo(ctx context.Context, a *cli.App) (address string, stop func()) {
	a.Log.Info("demo: a simulated cluster in this program; " + enswitchtest.Illustrative)
	ctx, cancel := context.WithCancel(ctx)
	cluster := enswitchtest.NewServer(&enswitchtest.ServerOptions{Authkey: rand.Text()})
	played := make(chan struct{})
	go func() {
		defer close(played)
		if cluster.WaitClients(ctx, 1) != nil {
			return
		}
		demo := enswitchtest.NewGenerator(&enswitchtest.GeneratorOptions{Seed: uint64(time.Now().UnixNano()), Rate: demoRate})
		a.Guard(func() { _ = demo.Play(ctx, func(raw []byte) { cluster.Send(raw) }) })
	}()
	return cluster.URL(), func() {
		cancel()
		<-played
		cluster.Close()
	}
}
