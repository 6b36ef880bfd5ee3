package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// Events as the benchmarks read them: flat, of the sizes in their names. The
// fields beyond the vendor's published example are illustrative.
const (
	event166 = `{"asteriskid":"1234567890.123","callid":"1234567890.100000","class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000"}`
	event256 = `{"asteriskid":"1234567890.1","callid":"1234567890.100000","class":"call","event":"answer","machine":2,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000","customer":"4711","from":"+4930123456","to":"+442071234567","name":"Zoë \"Z\" Example Co"}`
	event458 = `{"asteriskid":"1234567890.1","callid":"1234567890.100000","class":"call","event":"end","machine":3,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000","customer":"4711","from":"+4930123456","to":"+442071234567","name":"A Quite Long Display Name of a Caller","duration":123,"billed":true,"rate":0.0125,"reason":"normal clearing","codec":"opus","direction":"inbound","route":"carrier-a-fra-1","agent":"Phone/1.2.3 (desk)","queue":null,"note":"left"}`
)

func BenchmarkScan(b *testing.B) {
	for _, text := range []string{event166, event256, event458} {
		raw := []byte(text)
		b.Run(fmt.Sprintf("%d/scan", len(raw)), func(b *testing.B) {
			var x Index
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if err := x.Scan(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%d/valid", len(raw)), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if !json.Valid(raw) {
					b.Fatal("not valid")
				}
			}
		})
		b.Run(fmt.Sprintf("%d/unmarshal", len(raw)), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				var e struct{ Class, Event, Timestamp string }
				if err := json.Unmarshal(raw, &e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFeed is events of several kinds in turn, as a cluster sends them.
func BenchmarkFeed(b *testing.B) {
	var events [][]byte
	size := 0
	for _, name := range []string{"calls", "messages", "system"} {
		data, err := os.ReadFile("../../testdata/events/" + name + ".ndjson")
		if err != nil {
			b.Fatal(err)
		}
		events = append(events, bytes.Split(bytes.TrimSpace(data), []byte("\n"))...)
		size += len(data)
	}
	var x Index
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, raw := range events {
			if err := x.Scan(raw); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/event")
}
