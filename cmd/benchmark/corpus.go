package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// chunkEvents is how many events differ; a flood repeats them. The server
// writes them at once, some 1.5 MB.
const chunkEvents = 15 * 400

// kinds are the classes and events of the corpus. Only call, message and start
// are names that the vendor has published; all others, and all fields beyond
// those of the published example, are made up for this benchmark.
var kinds = [...]struct {
	class, event string
	more         []field // an object as its JSON text
}{
	{"call", "start", []field{{"from", "+4930123456"}, {"to", "+442071234567"}, {"name", `Zoë "Z" Example`}}},
	{"call", "route", []field{{"to", "+442071234567"}, {"route", `carrier\a, "first"`}, {"attempt", "1"}}},
	{"call", "ring", []field{{"to", "+442071234567"}, {"device", `{"class":"phone","event":"none"}`}}},
	{"call", "answer", []field{{"from", "+4930123456"}, {"to", "+442071234567"}, {"name", "Jürgen \"J\" O'Neil"}}},
	{"call", "hold", []field{{"by", "callee"}, {"music", `default "quiet" – 静か`}}},
	{"call", "end", []field{{"duration", "42"}, {"reason", "normal clearing"}, {"name", "Ünal & Söhne"}}},
	{"message", "received", []field{{"from", "+4930123456"}, {"body", `she sent {"class":"call","event":"answer"}`}}},
	{"message", "sent", []field{{"to", "+442071234567"}, {"body", `{"class":"call","event":"answer"}`}}},
	{"message", "failed", []field{{"to", "+442071234567"}, {"body", "tab\tand line\nbreak: \"no\""}}},
	{"registration", "start", []field{{"peer", "phone-17"}, {"agent", `Phone/1.2 "desk"`}, {"via", `{"class":"call"}`}}},
	{"registration", "refresh", []field{{"peer", "phone-17"}, {"expires", "3600"}, {"agent", "Telefon/1.2 (Büro)"}}},
	{"registration", "end", []field{{"peer", "phone-17"}, {"reason", "expired"}, {"agent", "Phone/1.2"}}},
	{"machine", "up", []field{{"status", `{"class":"call","event":"answer","machine":2}`}}},
	{"machine", "down", []field{{"reason", `no "answer" – timed out`}, {"calls", "17"}}},
	{"voicemail", "left", []field{{"mailbox", "4711"}, {"name", "Łukasz \\ Zażółć"}, {"duration", "12"}}},
}

type field struct{ name, value string }

// corpus is the events in the forms in which they are sent.
type corpus struct {
	events [][]byte // JSON, as in a websocket frame
	ids    [][]byte // what is different in each event
	forms  [][]byte // bodies to POST, events without nested objects
	posted []map[string]any
	frames []byte // all events as websocket frames
}

func newCorpus() *corpus {
	c := &corpus{}
	for i := range chunkEvents {
		k := &kinds[i%len(kinds)]
		id := fmt.Sprintf("1234567890.%06d", 100000+i)
		all := append([]field{
			{"asteriskid", fmt.Sprintf("1234567890.%d", i%1000)},
			{"callid", fmt.Sprintf("1234567890.%06d", 100000+i/len(kinds))},
			{"class", k.class},
			{"event", k.event},
			{"machine", strconv.Itoa(1 + i%7)},
			{"timestamp", fmt.Sprintf("%d.%06d", 1234567890+i/1000, i*997%1000000)},
			{"uniqueid", id},
		}, k.more...)
		var object, form strings.Builder
		posted := map[string]any{}
		for _, f := range all {
			value := quoted(f.value)
			object.WriteString("," + quoted(f.name) + ":")
			if f.name == "machine" || strings.HasPrefix(f.value, "{") && f.name != "body" {
				value = f.value
			}
			object.WriteString(value)
			form.WriteString("&" + url.QueryEscape(f.name) + "=" + url.QueryEscape(f.value))
			if posted[f.name] = any(f.value); f.name == "machine" {
				posted[f.name] = float64(1 + i%7)
			}
		}
		// The padding brings the event to the size of a usual one.
		pad := strings.Repeat("x", max(0, 245-object.Len()))
		event := "{" + object.String()[1:] + `,"note":"` + pad + `"}`
		c.events = append(c.events, []byte(event))
		c.ids = append(c.ids, []byte(id))
		c.forms = append(c.forms, []byte(form.String()[1:]))
		c.posted = append(c.posted, posted)
		c.frames = appendFrame(c.frames, []byte(event))
	}
	return c
}

// quoted is s as a JSON string, with <, > and & as they are.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always can
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// appendFrame appends a text frame of a server.
func appendFrame(dst, payload []byte) []byte {
	const text = 0x81
	if len(payload) < 126 {
		dst = append(dst, text, byte(len(payload)))
	} else {
		dst = binary.BigEndian.AppendUint16(append(dst, text, 126), uint16(len(payload)))
	}
	return append(dst, payload...)
}

// kept is the lines of the events that keep is true of. It reads them by
// encoding/json, so that it shares nothing with the program under test.
func (c *corpus) kept(keep func(map[string]any) bool) ([]byte, error) {
	var lines []byte
	for _, e := range c.events {
		var m map[string]any
		if err := json.Unmarshal(e, &m); err != nil {
			return nil, err
		}
		if keep(m) {
			lines = append(append(lines, e...), '\n')
		}
	}
	return lines, nil
}
