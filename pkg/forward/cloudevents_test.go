package forward

import (
	"encoding/json"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

// TestCloudEvents has the SDK of CloudEvents decode and check events, whatever is in them.
func TestCloudEvents(t *testing.T) {
	t.Parallel()
	var items []*Item
	for _, text := range hostile() {
		items = append(items, makeItem(t, text, text, text, text))
	}
	items = append(items, makeItem(t, "call", "start", "1", "3"), &Item{Payload: []byte(`[1,"x"]`)})
	body, err := CloudEvents.appendBody(nil, items, true)
	if err != nil {
		t.Fatal(err)
	}
	var all []cloudevents.Event
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != len(items) {
		t.Fatalf("got %d events, want %d", len(all), len(items))
	}
	for i, e := range all {
		if err := e.Validate(); err != nil {
			t.Errorf("%.100s: %v", items[i].Payload, err)
		}
		if e.ID() != items[i].ID.String() || string(e.Data()) != string(items[i].Payload) || e.DataContentType() != "application/json" {
			t.Errorf("got %.200s", e)
		}
		if strings.ContainsAny(e.Type()+e.Source(), "\x00\r\n") {
			t.Errorf("control characters in %.100q", e.Type())
		}
	}
	if e := all[len(all)-2]; e.Type() != "enswitch.call.start" || e.Source() != "3" {
		t.Errorf("got type %s, source %s", e.Type(), e.Source())
	}
	var one cloudevents.Event
	body, err = CloudEvents.appendBody(nil, items[:1], false)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &one); err != nil || one.Validate() != nil {
		t.Errorf("%v: %.200s", err, body)
	}
}
