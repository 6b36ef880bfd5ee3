//go:build unix

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/enswitch-events/enswitch-events/pkg/stream/streamtest"
)

// newCluster returns three servers, and a broker of them with a stream that all three keep.
func newCluster(t *testing.T) (*broker, []*streamtest.Server) {
	t.Helper()
	var ports, routes []string
	for range 3 {
		port := closedPort(t)
		ports, routes = append(ports, port), append(routes, "nats://"+port)
	}
	var servers []*streamtest.Server
	for i, port := range ports {
		servers = append(servers, streamtest.Start(t, fmt.Sprintf("server_name: s%d\ncluster { name: test, listen: %q, routes: [%s] }", i, port, strings.Join(routes, ", "))))
	}
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.URL())
	}
	conn, err := nats.Connect(strings.Join(urls, ","), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	b := &broker{t: t}
	if b.js, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a stream on three servers", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := b.js.CreateStream(ctx, jetstream.StreamConfig{Name: "ENSWITCH", Subjects: []string{"enswitch.>"}, Replicas: 3})
		return err == nil
	})
	return b, servers
}

// publishOnce publishes the events from to to-1, each until the stream has it.
func (b *broker) publishOnce(from, to int) {
	b.t.Helper()
	for i := from; i < to; i++ {
		m := nats.NewMsg("enswitch.call.start.p00")
		m.Data = fmt.Appendf(nil, `{"class":"call","event":"start","n":%d}`, i)
		eventually(b.t, "an event published", func() bool {
			ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Second)
			defer cancel()
			_, err := b.js.PublishMsg(ctx, m, jetstream.WithMsgID(fmt.Sprint(i)))
			return err == nil
		})
	}
}

func streamCluster(t *testing.T) {
	b, servers := newCluster(t)
	var hosts []string
	for _, s := range servers {
		hosts = append(hosts, s.Address())
	}
	args := []string{"tail", "nats://" + strings.Join(hosts, ",") + "/enswitch", "--from", "start"}
	b.publishOnce(0, 100)
	alone, group := start(t, args...), start(t, append(args, "--group", "g")...)
	alone.lines(100)
	group.lines(100)
	for i, s := range servers[:2] {
		s.Kill()
		b.publishOnce(100*(i+1), 100*(i+2))
		s.Restart()
		alone.lines(100 * (i + 2))
		group.lines(100 * (i + 2))
	}
	alone.signal(syscall.SIGTERM)
	alone.check(want{events: numbers(0, 300), received: 300})
	group.signal(syscall.SIGTERM)
	group.exit()
	all := events(t, group.out.snapshot())
	slices.Sort(all)
	if all = slices.Compact(all); !slices.Equal(all, numbers(0, 300)) {
		t.Errorf("the group has %s", brief(all))
	}
}
