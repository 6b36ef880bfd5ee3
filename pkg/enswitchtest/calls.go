package enswitchtest

import "time"

// callScript is one kind of call.
type callScript struct {
	name   string
	weight int // of a hundred calls, how many
	// Leg i belongs to the call that leg calls[i] began. Legs of two calls come
	// together by a transfer or a pickup.
	calls [maxCallLegs]uint8
	steps []callStep
}

// callStep is one event of a callScript.
type callStep struct {
	after    pause // since the step before
	kind     kind
	leg      uint8
	from, to party  // of a route; to also of a transfer
	text     string // the cause of an end, the kind of a transfer
}

const maxCallLegs = 4

// party is somebody who takes part in a call, or a number with a function.
type party uint8

const (
	caller party = iota
	callee
	third
	pickupCode
	parkedCall
	supportQueue
	parties
)

// services are the numbers of the parties from pickupCode.
var services = [...]person{
	{"Call pickup", "*8"},
	{"Parked call", parkingSlot},
	{"Support queue", "+441632960990"},
}

const parkingSlot = "701"

// pause is a kind of pause before a step. The zero pause is no time.
type pause int

const (
	routing pause = iota + 1
	setup         // of a further leg
	refusal
	alerting // from the start of a leg to its ringing
	response // from ringing to answer
	patience
	clearing // from one end to the next
	onward   // a queue goes on to the next agents
	enquiry  // until somebody passes the call on
	parked
	talk
)

// pauses are the ranges of the lengths of pauses; all ranges are equally likely.
var pauses = [...][]struct{ low, high time.Duration }{
	routing:  {{20 * time.Millisecond, 200 * time.Millisecond}},
	setup:    {{10 * time.Millisecond, 80 * time.Millisecond}},
	refusal:  {{200 * time.Millisecond, 800 * time.Millisecond}},
	alerting: {{200 * time.Millisecond, 1200 * time.Millisecond}},
	response: {{time.Second, 6 * time.Second}},
	patience: {{8 * time.Second, 20 * time.Second}},
	clearing: {{time.Millisecond, 20 * time.Millisecond}},
	onward:   {{4 * time.Second, 8 * time.Second}},
	enquiry:  {{2 * time.Second, 8 * time.Second}},
	parked:   {{5 * time.Second, 20 * time.Second}},
	talk: {
		{3 * time.Second, 10 * time.Second},
		{3 * time.Second, 10 * time.Second},
		{8 * time.Second, 40 * time.Second},
		{8 * time.Second, 40 * time.Second},
		{40 * time.Second, 4 * time.Minute},
	},
}

// callScripts are the calls that a [Generator] makes up. Leg 0 is the caller's and ends
// last.
var callScripts = [...]callScript{
	{name: "answered", weight: 30, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: setup, kind: legStart, leg: 1},
		{after: alerting, kind: legRing, leg: 1},
		{after: response, kind: legAnswer, leg: 1},
		{after: talk, kind: legEnd, leg: 1, text: "answered"},
		{after: clearing, kind: legEnd, text: "answered"},
	}},
	{name: "forked ringing, two phones", weight: 6, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: setup, kind: legStart, leg: 1},
		{after: setup, kind: legStart, leg: 2},
		{after: alerting, kind: legRing, leg: 2},
		{after: setup, kind: legRing, leg: 1},
		{after: response, kind: legAnswer, leg: 2},
		{after: clearing, kind: legEnd, leg: 1, text: "elsewhere"},
		{after: talk, kind: legEnd, leg: 2, text: "answered"},
		{after: clearing, kind: legEnd, text: "answered"},
	}},
	{name: "forked ringing, three phones", weight: 4, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: setup, kind: legStart, leg: 1},
		{after: setup, kind: legStart, leg: 2},
		{after: setup, kind: legStart, leg: 3},
		{after: alerting, kind: legRing, leg: 1},
		{after: setup, kind: legRing, leg: 3},
		{after: setup, kind: legRing, leg: 2},
		{after: response, kind: legAnswer, leg: 1},
		{after: clearing, kind: legEnd, leg: 3, text: "elsewhere"},
		{after: clearing, kind: legEnd, leg: 2, text: "elsewhere"},
		{after: talk, kind: legEnd, leg: 1, text: "answered"},
		{after: clearing, kind: legEnd, text: "answered"},
	}},
	{name: "no answer", weight: 12, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: setup, kind: legStart, leg: 1},
		{after: alerting, kind: legRing, leg: 1},
		{after: patience, kind: legEnd, leg: 1, text: "noanswer"},
		{after: clearing, kind: legEnd, text: "noanswer"},
	}},
	{name: "no answer of two phones", weight: 4, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: setup, kind: legStart, leg: 1},
		{after: setup, kind: legStart, leg: 2},
		{after: alerting, kind: legRing, leg: 1},
		{after: setup, kind: legRing, leg: 2},
		{after: patience, kind: legEnd, leg: 2, text: "noanswer"},
		{after: clearing, kind: legEnd, leg: 1, text: "noanswer"},
		{after: clearing, kind: legEnd, text: "noanswer"},
	}},
	{name: "busy", weight: 11, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: setup, kind: legStart, leg: 1},
		{after: refusal, kind: legEnd, leg: 1, text: "busy"},
		{after: clearing, kind: legEnd, text: "busy"},
	}},
	{name: "failed", weight: 8, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: refusal, kind: legEnd, text: "failed"},
	}},
	{name: "forwarding", weight: 4, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: setup, kind: legStart, leg: 1},
		{after: setup, kind: legEnd, leg: 1, text: "forwarded"},
		{after: setup, kind: callRoute, from: caller, to: third},
		{after: setup, kind: legStart, leg: 2},
		{after: alerting, kind: legRing, leg: 2},
		{after: response, kind: legAnswer, leg: 2},
		{after: talk, kind: legEnd, leg: 2, text: "answered"},
		{after: clearing, kind: legEnd, text: "answered"},
	}},
	{name: "queue", weight: 6, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: supportQueue},
		{after: refusal, kind: legStart, leg: 1},
		{after: alerting, kind: legRing, leg: 1},
		{after: onward, kind: legEnd, leg: 1, text: "noanswer"},
		{after: setup, kind: legStart, leg: 2},
		{after: setup, kind: legStart, leg: 3},
		{after: alerting, kind: legRing, leg: 2},
		{after: setup, kind: legRing, leg: 3},
		{after: response, kind: legAnswer, leg: 3},
		{after: clearing, kind: legEnd, leg: 2, text: "elsewhere"},
		{after: talk, kind: legEnd, leg: 3, text: "answered"},
		{after: clearing, kind: legEnd, text: "answered"},
	}},
	{name: "blind transfer", weight: 4, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: setup, kind: legStart, leg: 1},
		{after: alerting, kind: legRing, leg: 1},
		{after: response, kind: legAnswer, leg: 1},
		{after: enquiry, kind: callTransfer, leg: 1, to: third, text: "blind"},
		{after: clearing, kind: legEnd, leg: 1, text: "transfer"},
		{after: setup, kind: legStart, leg: 2},
		{after: alerting, kind: legRing, leg: 2},
		{after: response, kind: legAnswer, leg: 2},
		{after: talk, kind: legEnd, leg: 2, text: "answered"},
		{after: clearing, kind: legEnd, text: "answered"},
	}},
	{name: "attended transfer", weight: 3, calls: [maxCallLegs]uint8{0, 0, 2, 2}, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: setup, kind: legStart, leg: 1},
		{after: alerting, kind: legRing, leg: 1},
		{after: response, kind: legAnswer, leg: 1},
		{after: enquiry, kind: legStart, leg: 2},
		{after: routing, kind: callRoute, leg: 2, from: callee, to: third},
		{after: setup, kind: legStart, leg: 3},
		{after: alerting, kind: legRing, leg: 3},
		{after: response, kind: legAnswer, leg: 3},
		{after: enquiry, kind: callTransfer, leg: 2, to: third, text: "attended"},
		{after: clearing, kind: legEnd, leg: 2, text: "transfer"},
		{after: clearing, kind: legEnd, leg: 1, text: "transfer"},
		{after: talk, kind: legEnd, leg: 3, text: "answered"},
		{after: clearing, kind: legEnd, text: "answered"},
	}},
	{name: "blonde transfer", weight: 2, calls: [maxCallLegs]uint8{0, 0, 2, 2}, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: setup, kind: legStart, leg: 1},
		{after: alerting, kind: legRing, leg: 1},
		{after: response, kind: legAnswer, leg: 1},
		{after: enquiry, kind: legStart, leg: 2},
		{after: routing, kind: callRoute, leg: 2, from: callee, to: third},
		{after: setup, kind: legStart, leg: 3},
		{after: alerting, kind: legRing, leg: 3},
		{after: refusal, kind: callTransfer, leg: 2, to: third, text: "blonde"},
		{after: clearing, kind: legEnd, leg: 2, text: "transfer"},
		{after: clearing, kind: legEnd, leg: 1, text: "transfer"},
		{after: response, kind: legAnswer, leg: 3},
		{after: talk, kind: legEnd, leg: 3, text: "answered"},
		{after: clearing, kind: legEnd, text: "answered"},
	}},
	{name: "pickup", weight: 4, calls: [maxCallLegs]uint8{0, 0, 2, 2}, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: setup, kind: legStart, leg: 1},
		{after: alerting, kind: legRing, leg: 1},
		{after: response, kind: legStart, leg: 2},
		{after: routing, kind: callRoute, leg: 2, from: third, to: pickupCode},
		{after: setup, kind: callPickup, leg: 2},
		{after: clearing, kind: legAnswer, leg: 2},
		{after: clearing, kind: legEnd, leg: 1, text: "elsewhere"},
		{after: talk, kind: legEnd, leg: 2, text: "answered"},
		{after: clearing, kind: legEnd, text: "answered"},
	}},
	{name: "parking", weight: 2, calls: [maxCallLegs]uint8{0, 0, 2, 2}, steps: []callStep{
		{kind: legStart},
		{after: routing, kind: callRoute, from: caller, to: callee},
		{after: setup, kind: legStart, leg: 1},
		{after: alerting, kind: legRing, leg: 1},
		{after: response, kind: legAnswer, leg: 1},
		{after: enquiry, kind: callPark},
		{after: clearing, kind: legEnd, leg: 1, text: "parked"},
		{after: parked, kind: legStart, leg: 2},
		{after: routing, kind: callRoute, leg: 2, from: third, to: parkedCall},
		{after: setup, kind: callPickup, leg: 2},
		{after: clearing, kind: legAnswer, leg: 2},
		{after: talk, kind: legEnd, leg: 2, text: "answered"},
		{after: clearing, kind: legEnd, text: "answered"},
	}},
}
