package post

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// serve passes a body to the handler, without a socket.
func serve(t *testing.T, h *Handler, contentType, body string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusOK || !w.Flushed {
		t.Errorf("answered %d, flushed: %v", w.Code, w.Flushed)
	}
}

// numbered is a form. A long one is parsed after its answer.
func numbered(n int, long bool) string {
	if long {
		return fmt.Sprintf("n=%d&pad=%s", n, strings.Repeat("x", maxEarly))
	}
	return fmt.Sprintf("n=%d", n)
}

// TestPlaceBeforeAnswer: when a sender has its answer, its event has been handed
// on, without a long one before it.
func TestPlaceBeforeAnswer(t *testing.T) {
	got := 0
	h, err := NewHandler(&Options{OnEvent: func(event.Event) { got++ }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	defer server.Close()
	for n := range 100 {
		send(t, server, request(t, "POST", server.URL, "", "class=a"))
		if got != n+1 {
			t.Fatalf("%d events after %d answers", got, n+1)
		}
	}
}

// TestOrderOfPlaces: long bodies and what comes after them are answered while
// nothing is handed on yet, and are handed on in the order in which they came.
func TestOrderOfPlaces(t *testing.T) {
	var mu sync.Mutex
	var got []string
	begin := make(chan struct{})
	h, err := NewHandler(&Options{OnEvent: func(ev event.Event) {
		<-begin
		var x event.Index
		if err := x.Scan(ev.Raw); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, string(x.Get("n").Text()))
	}})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for n := range 200 {
		want = append(want, fmt.Sprint(n))
		serve(t, h, "application/x-www-form-urlencoded", numbered(n, n%50 == 0))
	}
	close(begin)
	h.Wait()
	if !slices.Equal(got, want) {
		t.Errorf("came as %v", got)
	}
	serve(t, h, "", numbered(200, false))
	if mu.Lock(); got[len(got)-1] != "200" {
		t.Errorf("a short body after the long ones was not handed on before its answer")
	}
	mu.Unlock()
}

// TestLateIsBounded: past the memory for bodies that are parsed later an answer
// waits, and comes when there is room again.
func TestLateIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, events := make(chan struct{}), 0
		h, err := NewHandler(&Options{OnEvent: func(event.Event) { <-begin; events++ }})
		if err != nil {
			t.Fatal(err)
		}
		h.late.max = 3 * maxEarly
		serve(t, h, "", numbered(1, true))
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			serve(t, h, "", numbered(2, true))
		}()
		synctest.Wait()
		select {
		case <-answered:
			t.Error("the second long body was answered")
		default:
		}
		close(begin)
		<-answered
		h.Wait()
		if events != 2 || h.late.bytes != 0 || h.late.queue != nil {
			t.Errorf("%d events, %d bytes left", events, h.late.bytes)
		}
	})
}

// TestLateRejection: what turns out to be no event in its place is rejected.
func TestLateRejection(t *testing.T) {
	var got []string
	h, err := NewHandler(&Options{
		OnEvent:  func(event.Event) { got = append(got, "event") },
		OnReject: func(no Rejection) { got = append(got, fmt.Sprint(no.Status, " ", no.Reason)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, h, "application/json", strings.Repeat("x", maxEarly+1))
	serve(t, h, "", "class=a")
	h.Wait()
	if want := []string{"200 not JSON at byte 0", "event"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestOnPanic: the goroutine of a Handler says so before its panic ends the process, which here
// runtime.Goexit keeps from happening.
func TestOnPanic(t *testing.T) {
	said := make(chan struct{})
	h, err := NewHandler(&Options{
		OnEvent: func(event.Event) { panic("a panic") },
		OnPanic: func() { close(said); runtime.Goexit() },
	})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, h, "", numbered(1, true))
	<-said
}
