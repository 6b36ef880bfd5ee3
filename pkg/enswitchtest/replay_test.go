package enswitchtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"pgregory.net/rapid"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func stamped(timestamp string) []byte {
	return fmt.Appendf(nil, `{"class":"call","event":"start","timestamp":%s}`, timestamp)
}

// Each row is a timestamp in JSON, and the time at which the event is due, in seconds after
// the first event.
func TestReplayPace(t *testing.T) {
	type row struct {
		timestamp string
		due       float64
	}
	for name, c := range map[string]struct {
		speed float64
		rows  []row
	}{
		"as recorded": {0, []row{{`"100.0"`, 0}, {`"101.5"`, 1.5}, {`"101.500001"`, 1.500001}, {`"4000"`, 3900}}},
		"faster":      {10, []row{{`"100.0"`, 0}, {`"101.5"`, .15}, {`"201.5"`, 10.15}}},
		"slower":      {.5, []row{{`"100.0"`, 0}, {`"101.5"`, 3}}},
		"max":         {math.Inf(1), []row{{`"100.0"`, 0}, {`"9999"`, 0}}},
		"disorder":    {1, []row{{`"100"`, 0}, {`"102"`, 2}, {`"101"`, 2}, {`"103"`, 3}}},
		"untimed":     {1, []row{{`null`, 0}, {`"100"`, 0}, {`"soon"`, 0}, {`101`, 1}, {`{}`, 1}}},
		"a new file":  {1, []row{{`"1000"`, 0}, {`"1001"`, 1}, {`"500"`, 1}, {`"502"`, 3}}},
		"ages":        {1, []row{{`"1"`, 0}, {`"253402300799"`, 1e9}, {`"1"`, 1e9}, {`"2"`, 1e9 + 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewReplay(&ReplayOptions{Speed: c.speed})
				start := time.Now()
				for _, row := range c.rows {
					raw := stamped(row.timestamp)
					got, err := r.Next(t.Context(), raw)
					if err != nil || &got[0] != &raw[0] {
						t.Fatalf("%s, %v", got, err)
					}
					if d := time.Since(start).Seconds(); math.Abs(d-row.due) > 1e-9 {
						t.Errorf("%s came after %v s, not %v", row.timestamp, d, row.due)
					}
				}
			})
		})
	}
}

func TestReplayLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReplay(nil)
		next := func(timestamp string) {
			t.Helper()
			if _, err := r.Next(t.Context(), stamped(timestamp)); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		next(`"10"`)
		time.Sleep(3 * time.Second) // of the bubble's clock
		next(`"11"`)                // two late: one is not made up for
		next(`"12"`)
		if d := time.Since(start); d != 4*time.Second {
			t.Errorf("after %v", d)
		}
		waits := []time.Duration{}
		r.o.OnWait = func(d time.Duration) { waits = append(waits, d) }
		next(`"20"`)
		next(`"3620"`)
		if len(waits) != 1 || waits[0] != time.Hour {
			t.Errorf("told of %v", waits)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := r.Next(ctx, stamped(`"9000"`)); err != context.DeadlineExceeded {
			t.Errorf("%v", err)
		}
		if _, err := r.Next(ctx, stamped(`"9000"`)); err != context.DeadlineExceeded {
			t.Errorf("%v", err)
		}
		if _, err := r.Next(ctx, []byte("[]")); !errors.As(err, new(*event.Error)) {
			t.Errorf("%v", err)
		}
	})
}

func TestRestamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where it is 2000-01-01
		r := NewReplay(&ReplayOptions{Restamp: true, Speed: 2})
		for _, c := range []struct{ in, want string }{
			{`{"timestamp":"100.5","class":"a"}`, `{"timestamp":"946684800.000000","class":"a"}`},
			{` { "a" : [1,"x\",{"], "timestamp" :	"101.500001" , "z":1e0}`, ` { "a" : [1,"x\",{"], "timestamp" :	"946684800.500000" , "z":1e0}`},
			{`{"b":{"timestamp":"1"},"timestamp":101.25}`, `{"b":{"timestamp":"1"},"timestamp":946684800.375000}`},
			{"{\"n\":\"\xe9\tx\",\"\\u0074imestamp\":\"102\"}", "{\"n\":\"\xe9\tx\",\"\\u0074imestamp\":\"946684800.750000\"}"},
			{`{"timestamp":"5","timestamp":"103.000001"}`, `{"timestamp":"5","timestamp":"946684801.250000"}`},
			{`{"timestamp":"later","class":"b"}`, `{"timestamp":"later","class":"b"}`},
			{`{"class":"c"}`, `{"class":"c"}`},
		} {
			got, err := r.Next(t.Context(), []byte(c.in))
			if err != nil || string(got) != c.want {
				t.Errorf("%s became %s, not %s, %v", c.in, got, c.want, err)
			}
		}
		r = NewReplay(&ReplayOptions{Restamp: true, Speed: math.Inf(1)})
		for range 2 {
			now := appendDecimal(nil, time.Now().UnixMicro())
			if got, err := r.Next(t.Context(), stamped(`"7"`)); err != nil || !bytes.Contains(got, fmt.Appendf(nil, `"%s"`, now)) {
				t.Errorf("%s, %v", got, err)
			}
			time.Sleep(time.Second) // of the bubble's clock
		}
	})
}

// checkValueAt compares valueAt with the index.
func checkValueAt(t interface{ Fatalf(string, ...any) }, raw []byte) {
	var x, y event.Index
	if x.Scan(raw) != nil {
		return
	}
	for i := range x.Len() {
		v := x.Value(i)
		if v.Kind != event.String && v.Kind != event.Number {
			continue
		}
		begin, end := valueAt(raw, i)
		if err := y.Scan(fmt.Appendf(nil, `{"a":%s}`, raw[begin:end])); err != nil || !bytes.Equal(y.Value(0).Text(), v.Text()) {
			t.Fatalf("field %d of %q is %q: %v", i, raw, raw[begin:end], err)
		}
		changed := restamp(raw, i, v.Kind == event.String, 1)
		if err := y.Scan(changed); err != nil || y.Len() != x.Len() || string(y.Value(i).Text()) != "0.000001" {
			t.Fatalf("%q became %q: %v", raw, changed, err)
		}
	}
}

func TestRestampOfGenerated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := NewGenerator(&GeneratorOptions{Seed: rapid.Uint64().Draw(t, "seed")})
		for range 50 {
			checkValueAt(t, g.Next().Raw)
		}
	})
}

func FuzzRestamp(f *testing.F) {
	for _, s := range []string{`{"timestamp":"1.5"}`, ` { "a" : [{},"]\\\""] , "b":-1.5e3}`, "{\"a\":\"\xff\x01\",\"a\":7}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { checkValueAt(t, raw) })
}

// A client that stops reading is cut after StallAfter, and Send does not wait for it.
func TestStalledClientIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		ended := make(chan error, 2)
		s := NewServer(&ServerOptions{Listener: l, StallAfter: 5 * time.Second, OnClient: func(_ string, connected bool, err error) {
			if !connected {
				ended <- err
			}
		}})
		defer s.Close()
		d := websocket.Dialer{NetDialContext: l.dial}
		stuck, _, err := d.Dial(s.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer stuck.Close()
		reading, _, err := d.Dial(s.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer reading.Close()
		got := 0
		go func() {
			for {
				if _, _, err := reading.ReadMessage(); err != nil {
					return
				}
				got++
			}
		}()
		synctest.Wait()
		start := time.Now()
		for i := range 10 {
			s.Send([]byte("x"))
			synctest.Wait()
			if time.Since(start) != time.Duration(i)*time.Second || got != i+1 {
				t.Errorf("event %d after %v, the other client has %d", i, time.Since(start), got)
			}
			time.Sleep(time.Second)
		}
		if err := <-ended; err != ErrSlow || s.Clients() != 1 {
			t.Errorf("%v, %d clients", err, s.Clients())
		}
	})
}

func TestSenders(t *testing.T) {
	for _, n := range []int{1, 7} {
		var mu sync.Mutex
		var got []string
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, r.PostFormValue("machine")+r.PostFormValue("n"))
			if r.PostFormValue("n") == "3" {
				w.WriteHeader(500)
			}
		}))
		failed, done := 0, 0
		s := NewSenders(&Poster{URL: receiver.URL}, n, func(err error) {
			mu.Lock()
			defer mu.Unlock()
			done++
			if err != nil {
				failed++
			}
		})
		for i := range 50 {
			for machine := 1; machine <= 3; machine++ {
				if err := s.Send(t.Context(), fmt.Appendf(nil, `{"machine":%d,"n":%d}`, machine, i)); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.Close(t.Context())
		receiver.Close()
		http.DefaultClient.CloseIdleConnections()
		next := map[string]int{}
		for k, v := range got {
			machine := v[:1]
			if v != fmt.Sprint(machine, next[machine]) || n == 1 && k%3 != int(machine[0]-'1') {
				t.Errorf("%d senders: %s is number %d", n, v, k)
			}
			next[machine]++
		}
		if done != 150 || failed != 3 {
			t.Errorf("%d done, %d failed", done, failed)
		}
	}
}

// A receiver that does not answer does not block Close.
func TestSendersAreBrokenOff(t *testing.T) {
	arrived := make(chan struct{}, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see the end
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	defer receiver.Close()
	s := NewSenders(&Poster{URL: receiver.URL}, 1, func(err error) { t.Errorf("onPost got %v", err) })
	ctx, cancel := context.WithCancel(t.Context())
	for range waitingPosts {
		if err := s.Send(ctx, []byte(`{"class":"call"}`)); err != nil {
			t.Fatal(err)
		}
	}
	<-arrived
	cancel()
	if err := s.Send(ctx, []byte(`{"class":"call"}`)); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.Close(ctx)
}

func BenchmarkRestamp(b *testing.B) {
	g := NewGenerator(nil)
	raw := g.Next().Raw
	r := NewReplay(&ReplayOptions{Restamp: true, Speed: math.Inf(1)})
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := r.Next(context.Background(), raw); err != nil {
			b.Fatal(err)
		}
	}
}
