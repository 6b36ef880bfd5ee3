package enswitchtest

import (
	"slices"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The numbers are of the ranges that Ofcom and the North American numbering
// plan keep for drama. Right-to-left names are written as escapes, because
// editors reorder the line otherwise.

type person struct{ name, number string }

var people = [...]person{
	{"Alice Archer", "+441632960001"},
	{"Siân O'Neill", "+441632960123"},
	{`José "Pepe" Núñez`, "+441632960244"},
	{"Łukasz Żółć", "+441632960305"},
	{"Zoë & Söhne GmbH", "+441632960366"},
	{"Björk Guðmundsdóttir", "+441632960417"},
	{"\u0645\u0631\u064a\u0645 \u062d\u062f\u0627\u062f", "+441632960478"}, // Arabic
	{"\u05d3\u05e0\u05d4 \u05dc\u05d5\u05d9", "+441632960529"},             // Hebrew
	{"李雷", "+441632960580"},
	{"Νίκος Παπάς", "+441632960611"},
	{"Reception ☎️", "+441632960642"},
	{"👩‍🚒 Fire desk", "+441632960703"},
	{`Sales \ Export`, "+441632960754"},
	{"Bob <bob@example.com>", "+441632960805"},
	{"=1+1", "+441632960836"},
	{"", "+441632960887"},
	{"Carol Chen", "+12125550101"},
	{"Dave Dunn", "+12125550118"},
	{"Erin Eze", "+12125550142"},
	{"Frank, from Accounts; room 3", "+12125550167"},
	{"Grace Gray", "+12125550183"},
	{"Anonymous", "anonymous"},
}

var customers = [...]string{
	"Example Telecom",
	"Café Crème",
	"Smith, Smith & Sons",
	`The "Old" Mill`,
	"Søster ApS",
	"例え株式会社",
}

// phones are names that need no escapes.
var phones = [...]string{
	"reception", "desk-101", "desk-102", "desk-103", "desk-104", "desk-105",
	"warehouse", "lobby", "alice-mobile", "bob-home", "door", "fax-1",
}

var texts = [...]string{
	"On my way",
	"Running late, sorry 🙏",
	"See you at 10:30?",
	`He said "call me back"`,
	"First line\nsecond line\tand a tab",
	`C:\temp\new`,
	`{"class":"call","event":"start"}`,
	"Grüße aus Köln",
	"\u0634\u0643\u0631\u0627 \u062c\u0632\u064a\u0644\u0627", // Arabic
	"ok 👍🏽",
	"https://example.com/?a=1&b=2",
	"100 % sure; 1 + 1 = 2",
	"",
}

var agents = [...]string{
	"ExamplePhone/1.0",
	"Softphone 4.2 (example.com)",
	`Desk "Pro" 7`,
}

// words are the texts above in JSON. After the names of people come those of services.
type words struct{ names, customers, texts, agents [][]byte }

func newWords() words {
	var w words
	for _, p := range slices.Concat(people[:], services[:]) {
		w.names = append(w.names, event.AppendString(nil, []byte(p.name)))
	}
	w.customers = quoted(customers[:])
	w.texts = quoted(texts[:])
	w.agents = quoted(agents[:])
	return w
}

func quoted(list []string) [][]byte {
	var all [][]byte
	for _, s := range list {
		all = append(all, event.AppendString(nil, []byte(s)))
	}
	return all
}
